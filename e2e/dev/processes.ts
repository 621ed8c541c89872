import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

/** A process and everything that it has started, and so on; the ones that have ended left out. */
export async function familyOf(pid: number | undefined): Promise<ProcessEntry[]> {
  const { stdout } = await run('ps', ['-ww', '-A', '-o', 'pid=,ppid=,stat=,command='])
  const all = stdout.split('\n').flatMap((line): ProcessEntry[] => {
    const [, id, parent, state, command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return state?.startsWith('Z') === false
      ? [{ pid: Number(id), parent: Number(parent), command }]
      : []
  })
  const family = all.filter((entry) => entry.pid === pid)
  for (const member of family) family.push(...all.filter((entry) => entry.parent === member.pid))
  return family
}

export async function isRunning(pid: number): Promise<boolean> {
  return (await familyOf(pid)).length > 0
}

/** The process of the Postgres that runs from this folder, if one does. */
export async function findPostmaster(dataDir: string): Promise<number | undefined> {
  const file = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const [entry] = await familyOf(Number.parseInt(file, 10))
  // After kill -9 the file stays, and its number may have become another process's.
  return entry?.command.includes(dataDir) === true ? entry.pid : undefined
}

/** kill -9; a process that has ended in between is fine. */
export function killAtOnce(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // ended by itself
    }
  }
}

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { hasCode } from './errors.ts'

/**
 * Names one life of one process: its pid and, on Linux, its start time in clock ticks since
 * boot, so that a recycled pid is not taken for the process that had it before. Elsewhere the
 * start time reads 0 and the pid alone decides. Undefined when no such process runs; a process
 * that has ended and only waits to be reaped does not run.
 */
export async function lifeOf(pid: number): Promise<string | undefined> {
  if (!exists(pid)) return undefined
  if (process.platform !== 'linux') return `${pid}-0`
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return `${pid}-0`
  // The second field is the program's name in brackets and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' ? undefined : `${pid}-${started}`
}

/** True while the process still runs that `life` was read from. False for any other text. */
export async function isAlive(life: string): Promise<boolean> {
  const pid = Number(/^(\d+)-\d+$/.exec(life)?.[1])
  return pid > 0 && (await lifeOf(pid)) === life
}

/** A name nobody else uses that tells which process made it, for `ownerIsAlive`. */
export async function ownerToken(): Promise<string> {
  return `${await lifeOf(process.pid)}.${randomUUID()}`
}

/** True while the process runs that made this token. */
export async function ownerIsAlive(token: string): Promise<boolean> {
  return isAlive(token.split('.', 1).join())
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // A process of another user answers EPERM: it is there.
    return hasCode(error, 'EPERM')
  }
}

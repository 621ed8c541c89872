import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { servesFrom } from './connection.ts'
import { hasCode } from './errors.ts'
import { poll } from './poll.ts'
import { isAlive, lifeOf } from './process-life.ts'

const WAIT_MS = 30_000
const run = promisify(execFile)

/** What a server writes about itself while it runs. It stays behind after kill -9. */
interface PidFile {
  pid: number
  /** 0 until the server has got that far. */
  port: number
}

/**
 * The port of the server that runs from `dataDir`, or undefined when none does. One that is
 * still starting, recovering or stopping is waited for, up to 30 s. A server that merely has
 * the recorded port or pid, but other files, is left alone.
 */
export async function findServer(dataDir: string): Promise<number | undefined> {
  const found = await poll(async () => {
    const file = await readPidFile(dataDir)
    if (file === undefined) return { port: undefined }
    if (file.port > 0 && (await servesFrom(file.port, dataDir))) return { port: file.port }
    return (await runsFrom(file.pid, dataDir)) ? undefined : { port: undefined }
  }, WAIT_MS)
  if (found === undefined) {
    throw new Error(`The Postgres that runs from ${dataDir} did not answer within ${WAIT_MS} ms`)
  }
  return found.port
}

/** How a server is ended: fast, immediately (the next start recovers), or as by a crash. */
export type StopSignal = 'SIGINT' | 'SIGQUIT' | 'SIGKILL'

/**
 * Ends the server that runs from `dataDir`: open connections are cut, committed work is kept.
 * Resolves once its process has ended; fails when that takes over 30 s. Does nothing when none
 * runs. Call under the cluster's lock.
 */
export async function stopServer(dataDir: string, signal: StopSignal = 'SIGINT'): Promise<void> {
  const file = await readPidFile(dataDir)
  if (file === undefined || !(await runsFrom(file.pid, dataDir))) return
  const life = await lifeOf(file.pid)
  if (life === undefined) return
  process.kill(file.pid, signal)
  const ended = await poll(async () => !(await isAlive(life)) || undefined, WAIT_MS)
  if (!ended) throw new Error(`Postgres (process ${file.pid}) did not stop within ${WAIT_MS} ms`)
}

/** The path of the file in which a server names its process and port. */
export function pidFileOf(dataDir: string): string {
  return join(dataDir, 'postmaster.pid')
}

async function readPidFile(dataDir: string): Promise<PidFile | undefined> {
  try {
    const lines = (await readFile(pidFileOf(dataDir), 'utf8')).split('\n')
    return { pid: Number(lines[0]) || 0, port: Number(lines[3]) || 0 }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/**
 * True when this process is a server started on `dataDir`: its command line says so. The link
 * /proc/<pid>/cwd would say it too, but root in a container may not read it for another user.
 */
async function runsFrom(pid: number, dataDir: string): Promise<boolean> {
  if (pid <= 0 || (await lifeOf(pid)) === undefined) return false
  return `${await commandLine(pid)} `.includes(` -D ${dataDir} `)
}

async function commandLine(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    }
    return (await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])).stdout.trim()
  } catch {
    // The process has ended in between.
    return ''
  }
}

import { readlink, rm, symlink } from 'node:fs/promises'

import { hasCode } from './errors.ts'
import { poll } from './poll.ts'
import { ownerIsAlive, ownerToken } from './process-life.ts'

const WAIT_MS = 30_000

/**
 * Runs `work` while no other process, and no other call in this one, runs work under the same
 * `file`. A lock whose owner has died is broken. Waits up to `timeoutMs` (default 30 s), then
 * fails with an error that names the file and its owner.
 *
 * The lock is a symlink that points at its owner's token: it comes into being with its content
 * in one step, so nobody ever sees a lock without an owner.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  timeoutMs: number = WAIT_MS,
): Promise<T> {
  const token = await ownerToken()
  const locked = await poll(async () => (await tryLock(file, token)) || undefined, timeoutMs)
  if (!locked) throw await lockedByOther(file, timeoutMs)
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function tryLock(file: string, token: string): Promise<boolean> {
  if (await createLock(file, token)) return true
  await breakStaleLock(file, token)
  return createLock(file, token)
}

/**
 * Two processes may both find the owner dead; the slower one must not remove the lock the
 * faster one has just made. So a dead owner's lock is removed only under a lock of its own,
 * after a second look. Should its holder die there too, the same rule breaks that one.
 */
async function breakStaleLock(file: string, token: string): Promise<void> {
  const owner = await readOwner(file)
  if (owner === undefined || (await ownerIsAlive(owner))) return
  const breaker = `${file}.breaker`
  if (!(await tryLock(breaker, token))) return
  try {
    if ((await readOwner(file)) === owner) await rm(file, { force: true })
  } finally {
    await rm(breaker, { force: true })
  }
}

async function createLock(file: string, token: string): Promise<boolean> {
  try {
    await symlink(token, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

async function readOwner(file: string): Promise<string | undefined> {
  try {
    return await readlink(file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    // Not a lock of ours, so there is nobody to ask: it stays, and the wait ends by its bound.
    if (hasCode(error, 'EINVAL')) return undefined
    throw error
  }
}

async function lockedByOther(file: string, timeoutMs: number): Promise<Error> {
  const pid = (await readOwner(file))?.split('-', 1).join() ?? 'unknown'
  return new Error(
    `${file} is still held after ${timeoutMs} ms (process ${pid}). ` +
      'End that process, or remove the file if nothing uses this Postgres.',
  )
}

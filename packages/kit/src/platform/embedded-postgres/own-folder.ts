import { chmod, lstat, mkdir } from 'node:fs/promises'

import { hasCode } from './errors.ts'

/**
 * Makes `path` if it is missing and gives it `mode`. Fails, naming the folder, when it is there
 * but is a symlink, belongs to somebody else or is writable by others: in a shared place
 * anybody may have put it there first.
 */
export async function ownFolder(path: string, mode: number): Promise<string> {
  await mkdir(path).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  await assertOwned(path, process.getuid?.() ?? 0)
  // mkdir's mode is cut by the umask, and another user must be able to pass through.
  await chmod(path, mode)
  return path
}

/** Fails, naming the folder, unless `path` is a real folder that only the user `uid` can write. */
export async function assertOwned(path: string, uid: number): Promise<void> {
  const found = await lstat(path)
  if (!found.isDirectory()) throw new Error(`${path} is not a folder (a link is not accepted)`)
  if (found.uid !== uid) {
    throw new Error(
      `${path} belongs to user ${found.uid}, but Postgres runs as user ${uid} here. ` +
        'Work as one user, or remove the folder.',
    )
  }
  if ((found.mode & 0o022) !== 0) throw new Error(`${path} can be written by other users`)
}

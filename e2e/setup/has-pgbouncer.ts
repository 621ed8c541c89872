import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian puts it where only root's PATH looks. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']

/** Where PgBouncer is, if it is on this machine. */
export const pgBouncerPath = FOLDERS.map((folder) => join(folder, 'pgbouncer')).find((path) => {
  try {
    // oxlint-disable-next-line tautline/no-sync-calls -- vitest's configuration is synchronous
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
})

export const hasPgBouncer = pgBouncerPath !== undefined

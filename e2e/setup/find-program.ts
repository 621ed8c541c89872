import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian puts daemons where only root's PATH looks. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']

/** Where a program is, if it is on this machine. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      // oxlint-disable-next-line tautline/no-sync-calls -- vitest's configuration is synchronous
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

import type { FileRules } from '../file-types.ts'
import type { Priority } from '../policies/admission/priority.ts'
import type { Allow, Policy } from '../rpc/policy.ts'

/** Who may have files: files are somebody's. */
export type FilesAllow = Exclude<Allow, 'public'>

/** What is declared about how files come and go. */
export interface TransferPolicy extends Pick<Policy, 'limit' | 'fresh'> {
  readonly allow: FilesAllow
  /** Who gives way first under load. Default `normal`. */
  readonly priority?: Priority
  /** Who sends, or takes, next to nothing for so long is cut off, in milliseconds. */
  readonly stallTimeoutMs: number
  /**
   * And who lets us wait longer than this in all, in milliseconds, beside a second for each 32 KiB that
   * has come or gone. It is what proxies do with a least rate: whoever is slow holds no place for long,
   * and a file of any size has its time.
   */
  readonly slowTimeoutMs: number
  /** How many of them are open at the same time, in one process. */
  readonly max: number
  /** And of one owner. The last half of them is for owners who have none open. */
  readonly maxPerOwner: number
}

/** The files of a backend. Only the feature `files` makes this. */
export interface FilesDefinition {
  readonly rules: FileRules
  readonly upload: TransferPolicy
  readonly download: TransferPolicy
}

/** Where files are sent to; one of them is behind a slash and its id. */
export const FILES_PATH = '/files'

import type { Migrations } from '../../db/migrations.ts'
import type { FileRules } from '../../file-types.ts'
import type { FilesAllow, FilesDefinition, TransferPolicy } from '../../files-http/definition.ts'
import { fileMigrations } from '../../files/migrations.ts'
import type { Resources } from '../../resources.ts'
import { limitPolicies, type FeatureLimits } from '../../rpc/feature-limits.ts'
import { createFilesRouter } from './router.ts'

/** How files come, or go. */
export type TransferOptions = Partial<
  Pick<TransferPolicy, 'limit' | 'stallTimeoutMs' | 'slowTimeoutMs' | 'max' | 'maxPerOwner'>
>

export interface FilesOptions extends Partial<FileRules> {
  /** Who may have files. Default `user`. */
  readonly allow?: FilesAllow
  /**
   * Default: 50 at the same time in one process, 6 of them of one owner; half a minute of silence, ten
   * of slowness. What is still coming counts for no quota: beside all files, the disk needs room for
   * `max` of the largest.
   */
  readonly uploads?: TransferOptions
  /** Default: 200, 10 of them of one owner; a minute of silence, ten of slowness. */
  readonly downloads?: TransferOptions
  readonly limits?: FeatureLimits
}

/** The feature `files`. */
export interface FilesFeature {
  readonly router: ReturnType<typeof createFilesRouter>
  readonly files: FilesDefinition
  readonly migrations: Migrations
  readonly loops: {
    readonly sweep: {
      readonly everyMs: number
      readonly runsIn: 'one process'
      readonly run: (resources: Pick<Resources, 'files'>, signal: AbortSignal) => Promise<void>
    }
  }
}

/** 5 GB a file, 10 GB and 10,000 files an owner. */
const RULES: FileRules = {
  maxBytes: 5_000_000_000,
  quotaBytes: 10_000_000_000,
  maxFiles: 10_000,
}

/** A browser has six connections to one host. */
const UPLOADS = { max: 50, maxPerOwner: 6, stallTimeoutMs: 30_000, slowTimeoutMs: 600_000 }

/** Most of them wait for their readers. */
const DOWNLOADS = { max: 200, maxPerOwner: 10, stallTimeoutMs: 60_000, slowTimeoutMs: 600_000 }

/** From the end of a sweep to the beginning of the next, in milliseconds. */
const SWEEP_EVERY_MS = 10_000

/**
 * Files of any length that belong to whoever has sent them, by `POST /files` and
 * `GET /files/<id>`, and to the backend's own code as `ctx.files`.
 */
export function files(options: FilesOptions = {}): FilesFeature {
  const { allow = 'user' } = options
  const definition: FilesDefinition = {
    rules: {
      maxBytes: options.maxBytes ?? RULES.maxBytes,
      quotaBytes: options.quotaBytes ?? RULES.quotaBytes,
      maxFiles: options.maxFiles ?? RULES.maxFiles,
    },
    upload: { allow, ...UPLOADS, ...options.uploads },
    download: { allow, ...DOWNLOADS, ...options.downloads },
  }
  return {
    router: createFilesRouter({ allow, ...limitPolicies(options.limits) }),
    files: definition,
    migrations: fileMigrations,
    loops: {
      sweep: {
        everyMs: SWEEP_EVERY_MS,
        runsIn: 'one process',
        run: (resources, signal) => resources.files.sweep(signal),
      },
    },
  }
}

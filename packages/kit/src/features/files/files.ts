import type { Migrations } from '../../db/migrations.ts'
import type { FileRules } from '../../file-types.ts'
import type { FilesAllow, FilesDefinition } from '../../files-http/definition.ts'
import { fileMigrations } from '../../files/migrations.ts'
import type { Resources } from '../../resources.ts'
import type { Policy } from '../../rpc/policy.ts'
import { createFilesRouter } from './router.ts'

type Limit = Policy['limit']

export interface FilesOptions extends Partial<FileRules> {
  /** Who may have files. Default `user`. */
  readonly allow?: FilesAllow
  /** Limits, as a policy has them: of uploads, of downloads, and of the procedures. Default: none. */
  readonly limits?: {
    readonly uploads?: Limit
    readonly downloads?: Limit
    readonly reads?: Limit
    readonly writes?: Limit
  }
  /** An upload that sends next to nothing for so long ends, in milliseconds. Default 30,000. */
  readonly uploadStallTimeoutMs?: number
  /** A reader who takes nothing for so long is cut off, in milliseconds. Default 60,000. */
  readonly downloadStallTimeoutMs?: number
  /** Uploads of one owner at the same time, in one process. Default 8. */
  readonly uploadsPerOwner?: number
  /** And downloads. Default 20. */
  readonly downloadsPerOwner?: number
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

/** From the end of a sweep to the beginning of the next, in milliseconds. */
const SWEEP_EVERY_MS = 10_000

/**
 * Files of any length that belong to whoever has sent them, by `POST /files` and
 * `GET /files/<id>`, and to the backend's own code as `ctx.files`.
 */
export function files(options: FilesOptions = {}): FilesFeature {
  const { allow = 'user', limits = {} } = options
  const definition: FilesDefinition = {
    rules: {
      maxBytes: options.maxBytes ?? RULES.maxBytes,
      quotaBytes: options.quotaBytes ?? RULES.quotaBytes,
      maxFiles: options.maxFiles ?? RULES.maxFiles,
    },
    upload: {
      allow,
      ...limited(limits.uploads),
      stallTimeoutMs: options.uploadStallTimeoutMs ?? 30_000,
      maxPerOwner: options.uploadsPerOwner ?? 8,
    },
    download: {
      allow,
      ...limited(limits.downloads),
      stallTimeoutMs: options.downloadStallTimeoutMs ?? 60_000,
      maxPerOwner: options.downloadsPerOwner ?? 20,
    },
  }
  return {
    router: createFilesRouter({
      allow,
      reads: limited(limits.reads),
      writes: limited(limits.writes),
    }),
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

function limited(limit: Limit): Pick<Policy, 'limit'> {
  return limit === undefined ? {} : { limit }
}

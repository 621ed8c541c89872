import type { Feature } from './app-definition.ts'
import { ConfigError } from './config-sources.ts'
import type { Db } from './db/database.ts'
import type { FileStore } from './file-types.ts'
import type { FilesDefinition } from './files-http/definition.ts'
import { createFileStore } from './files/store.ts'
import { openDiskStorage } from './platform/file-storage/disk-storage.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'

type Features = Readonly<Record<string, Feature>>

/** What the one feature that keeps files says about them. */
export function filesOf(features: Features): FilesDefinition | undefined {
  return Object.values(features).find(({ files }) => files)?.files
}

export interface FileStoreOptions {
  readonly features: Features
  /** Where the bytes are. */
  readonly folder: string | undefined
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
}

/** The files of a backend that has the feature `files()`. Rejects when their folder cannot be used. */
export async function openFiles({
  features,
  folder,
  ...parts
}: FileStoreOptions): Promise<FileStore> {
  const definition = filesOf(features)
  if (!definition) return noFiles
  if (folder === undefined) {
    throw new ConfigError(['TAUTLINE_FILES: is required in production, where this app keeps files'])
  }
  const storage = await openDiskStorage(folder)
  return createFileStore({ ...parts, storage, rules: definition.rules })
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('This backend has no feature files().'))
}

/** What stands for it elsewhere. */
const noFiles: FileStore = {
  create: refuse,
  stage: refuse,
  keep: refuse,
  discard: refuse,
  find: async () => undefined,
  open: async () => undefined,
  remove: async () => false,
  sweep: async () => {},
}

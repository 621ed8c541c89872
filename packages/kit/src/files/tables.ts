import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** `tautline.file`: the files that there are. */
export interface FileTable {
  id: GeneratedAlways<string>
  /** Whose it is, as `identityOf` writes a principal; null where it is the backend's own. */
  owner: ColumnType<string | null, string | null, never>
  name: ColumnType<string, string, never>
  content_type: ColumnType<string, string, never>
  /** In bytes. */
  size: ColumnType<bigint, bigint, never>
  sha256: ColumnType<Buffer, Uint8Array, never>
  /** Where its bytes are; unique. */
  storage_key: ColumnType<string, string, never>
  /** What makes an upload happen once; unique for an owner. */
  upload_key: ColumnType<string | null, string | null, never>
  created_at: ColumnType<Date, never, never>
}

/** `tautline.file_usage`: what the files of an owner take together. Its row is the lock of a quota. */
export interface FileUsageTable {
  owner: ColumnType<string, string, never>
  files: number
  bytes: bigint
}

/**
 * `tautline.file_unclaimed`: bytes that are no file's, or not yet. Written before the first of them
 * is, so that none is ever stored of which nobody knows.
 */
export interface FileUnclaimedTable {
  storage_key: ColumnType<string, string, never>
  /** From then on they are removed. */
  remove_after: Date
  /** Whether they are being removed: no file can be made of them any more. */
  doomed: Generated<boolean>
}

declare module '../db/database.ts' {
  interface Database {
    'tautline.file': FileTable
    'tautline.file_usage': FileUsageTable
    'tautline.file_unclaimed': FileUnclaimedTable
  }
}

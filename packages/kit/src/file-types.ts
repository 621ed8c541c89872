import type { Readable } from 'node:stream'

import type { ByteRange } from './platform/file-storage/file-storage.ts'

/** A file as its owner sees it. It never changes. */
export interface StoredFile {
  readonly id: string
  /** As it was given: for people, and no path. */
  readonly name: string
  /** Told by the bytes themselves, and never by who has sent them. */
  readonly contentType: string
  /** In bytes. */
  readonly size: number
  /** SHA-256 of the bytes, in hex. */
  readonly sha256: string
  readonly createdAt: Date
}

/** A file that is to be made. */
export interface NewFile {
  /** 1 to 255 characters, none of them a control character. */
  readonly name: string
  /** Its bytes, which are taken as fast as they can be stored. */
  readonly source: AsyncIterable<Uint8Array>
  /** How many will come, where that is known: a file that does not fit is refused before any does. */
  readonly expectedBytes?: number | undefined
  /**
   * Files of one owner with the same key are one file, for as long as it is there. Another file with
   * its key fails with `KEY_REUSED`. 1 to 255 printable ASCII characters.
   */
  readonly key?: string | undefined
  /** Ends it, with its reason; nothing is left then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Bytes that are stored, and belong to no file yet. Nobody sees them and no quota counts them; after an
 * hour they are removed.
 */
export interface StagedFile {
  readonly owner: string | null
  readonly name: string
  readonly contentType: string
  readonly size: number
  readonly sha256: string
  readonly storageKey: string
  readonly key: string | undefined
}

/** A file that is open for reading; it can be read to its end, also when it is deleted meanwhile. */
export interface OpenFile extends AsyncDisposable {
  readonly file: StoredFile
  /** The bytes, or a part of them, as they are asked for. It fails rather than end too soon. */
  stream(range?: ByteRange): Readable
}

/**
 * The files of a backend. An owner is what `identityOf` makes of a principal, and null the backend
 * itself, which has no quota. Whose a file is, is part of every question: a file of somebody else is
 * no file.
 *
 * What has to do with rows takes part in the transaction around the call, where there is one.
 */
export interface FileStore {
  /**
   * Makes a file: it is there when this resolves, and nothing of it when it rejects. Throws
   * `FILE_TOO_LARGE`, `QUOTA_EXCEEDED`, `UPLOAD_INCOMPLETE`, `STORAGE_FULL`, `KEY_REUSED`, and what
   * the source throws. Not inside a transaction, which would wait for the bytes: stage it before.
   */
  create(owner: string | null, file: NewFile): Promise<StoredFile>
  /**
   * The first half of `create`: stores the bytes. Fails as that does; but staged bytes count for no
   * quota, neither by themselves nor beside each other, and `keep` has the last word.
   */
  stage(owner: string | null, file: NewFile): Promise<StagedFile>
  /**
   * The second half: makes a file of staged bytes, with the transaction around the call. Throws
   * `QUOTA_EXCEEDED` and `KEY_REUSED`.
   */
  keep(staged: StagedFile): Promise<StoredFile>
  /** Gives up staged bytes. Nothing happens where they became a file. */
  discard(staged: StagedFile): Promise<void>
  /** Undefined where the owner has no such file, or `id` is none. */
  find(owner: string | null, id: string): Promise<StoredFile | undefined>
  /** The same, with its bytes. To be disposed of. */
  open(owner: string | null, id: string): Promise<OpenFile | undefined>
  /** Deletes a file; its bytes go soon after the commit. Says whether it was there. */
  remove(owner: string | null, id: string): Promise<boolean>
  /** Removes bytes that belong to no file any more; a loop of the feature `files` calls it. */
  sweep(signal: AbortSignal): Promise<void>
}

/** What files may be. */
export interface FileRules {
  /** Largest file, in bytes. */
  readonly maxBytes: number
  /** What the files of one owner may take together, in bytes; those that are still coming do not count. */
  readonly quotaBytes: number
  /** How many files one owner may have. */
  readonly maxFiles: number
}

import type { Readable } from 'node:stream'

/** Part of a file: the first and the last byte, counted from 0. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Bytes that are open for reading. They can be read to their end, whatever is removed meanwhile. */
export interface OpenBytes extends AsyncDisposable {
  readonly size: number
  /** The bytes, or a part of them, as they are asked for. It fails when they cannot be read. */
  stream(range?: ByteRange): Readable
}

/**
 * Where the bytes of files are, by random keys that it is given. It knows no names and no owners:
 * that there is a file is for the database to say.
 */
export interface FileStorage {
  /**
   * Keeps all bytes of `source` under a key that was never used. When it resolves, to their number,
   * they survive the end of the machine; before that nobody can open them. When it rejects, with
   * what `source` throws or with `StorageFullError`, nothing of them is left.
   */
  write(key: string, source: AsyncIterable<Uint8Array>): Promise<number>
  /** Undefined when there is nothing under the key. */
  open(key: string): Promise<OpenBytes | undefined>
  /** Removes what is under the key, also what a process that died has left of it. Harmless twice. */
  remove(key: string): Promise<void>
}

/** There is no room for more bytes. */
export class StorageFullError extends Error {
  override readonly name = 'StorageFullError'
}

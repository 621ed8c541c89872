/** A file of the caller's, as `files.get` tells it. */
export interface StoredFile {
  readonly id: string
  readonly name: string
  /** Told by its bytes. */
  readonly contentType: string
  /** In bytes. */
  readonly size: number
  /** SHA-256 of its bytes, in hex. */
  readonly sha256: string
  readonly createdAt: Date
}

/** How far a file has come. */
export interface TransferProgress {
  readonly bytes: number
  /** Undefined where nobody knows. */
  readonly totalBytes: number | undefined
}

import type { formats } from './image-limits.ts'
import type { ImageOperation } from './schema.ts'

/** What the process that reads an image is told, before its bytes come. */
export interface ImageOrder {
  readonly operations: readonly ImageOperation[]
  /** How many will come. */
  readonly bytes: number
  /** Resident memory at most: what takes more ends the process. */
  readonly maxMemoryBytes: number
}

/** What it has made; the bytes follow. */
export interface ImageInfo {
  readonly format: (typeof formats)[number]
  readonly width: number
  readonly height: number
  readonly size: number
}

/** What it has to say, once. */
export type ImageAnswer =
  | { readonly is: 'made'; readonly info: ImageInfo }
  | { readonly is: 'refused'; readonly why: 'not supported' | 'too large' | 'broken' }

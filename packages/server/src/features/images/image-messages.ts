import type { formats } from './image-limits.ts'
import type { ImageOperation } from './schema.ts'

/** What the process that reads an image is told; the bytes of the image come to its standard input. */
export interface ImageOrder {
  readonly operations: readonly ImageOperation[]
  /** How many will come. */
  readonly bytes: number
  /** Resident memory at most: what takes more ends the process. */
  readonly maxMemoryBytes: number
}

/** What it has made; the bytes follow, on its standard output. */
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

/** What is told of its end, once, after all that it has said: the exit code, or the signal. */
export interface ImageEnd {
  readonly is: 'ended'
  readonly by: number | string
}

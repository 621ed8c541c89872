import { z } from 'zod'

import { formats } from './image-limits.ts'

/** The longest side that an image can be given, in pixels: the square of it is what is read at most. */
const MAX_SIDE = 5_000

const Side = z.int().min(1).max(MAX_SIDE)

/** One after the other; each works on what the one before has made. */
export const Operation = z.union([
  z.strictObject({
    resize: z.strictObject({
      width: Side,
      height: Side,
      /** As CSS has it for `object-fit`: `inside` keeps all of the image, and its proportions. */
      fit: z.enum(['cover', 'contain', 'fill', 'inside']).default('inside'),
    }),
  }),
  /** Clockwise, in degrees. */
  z.strictObject({ rotate: z.literal([90, 180, 270]) }),
  z.strictObject({ convert: z.enum(formats) }),
])

export type ImageOperation = z.output<typeof Operation>

/** Postgres writes ids in lower case, and so does whoever compares them. */
const FileId = z.uuid().toLowerCase()

export const ProcessImageInput = z.strictObject({
  fileId: FileId,
  operations: z.array(Operation).min(1).max(8),
})

export const AcceptedImage = z.object({ taskId: z.string() })

/** A file of its own, beside the one that it was made of. */
export const ProcessedImage = z.object({
  fileId: z.string(),
  width: z.int(),
  height: z.int(),
  contentType: z.string(),
  /** In bytes. */
  size: z.int(),
})

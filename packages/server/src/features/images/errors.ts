import { z } from 'zod'

import { defineError, Failure } from '@tautline/kit'

import { MAX_AVIF_PIXELS, MAX_IMAGE_BYTES, MAX_PIXELS } from './image-limits.ts'

export const IMAGE_NOT_SUPPORTED = defineError('IMAGE_NOT_SUPPORTED', {
  code: 'UNSUPPORTED_MEDIA_TYPE',
  message: 'The file is no PNG, JPEG, WebP or AVIF image.',
})

export const IMAGE_TOO_LARGE = defineError('IMAGE_TOO_LARGE', {
  code: 'PAYLOAD_TOO_LARGE',
  message: 'The image has more bytes or pixels than are processed.',
  data: z.object({ maxBytes: z.int(), maxPixels: z.int(), maxAvifPixels: z.int() }),
})

export const IMAGE_BROKEN = defineError('IMAGE_BROKEN', {
  code: 'UNPROCESSABLE_CONTENT',
  message: 'The image cannot be read to its end.',
})

/** Out of memory, or by a fault of what reads images: another try has a process of its own again. */
export const IMAGE_PROCESS_ENDED = defineError('IMAGE_PROCESS_ENDED', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The image took more than there is, or what reads images has failed.',
  retryable: true,
})

/** What is said of an image that is too large, whoever finds out. */
export function tooLarge() {
  const [maxBytes, maxPixels, maxAvifPixels] = [MAX_IMAGE_BYTES, MAX_PIXELS, MAX_AVIF_PIXELS]
  return new Failure(IMAGE_TOO_LARGE, { data: { maxBytes, maxPixels, maxAvifPixels } })
}

/*
 * What images may be. The process that reads them knows this, and nothing of the library: it is started
 * for each of them.
 */

/** What is read, and what is made. */
export const formats = ['png', 'jpeg', 'webp', 'avif'] as const

/** Largest image that is read, in bytes. */
export const MAX_IMAGE_BYTES = 50_000_000

/** Most pixels of an image that is read. */
export const MAX_PIXELS = 25_000_000

/** AVIF takes four times the memory of the others. */
export const MAX_AVIF_PIXELS = 4_096 ** 2

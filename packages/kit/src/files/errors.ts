import { z } from 'zod'

import { defineError } from '@tautline/shared'

export const FILE_NOT_FOUND = defineError('FILE_NOT_FOUND', {
  code: 'NOT_FOUND',
  message: 'You have no such file.',
})

export const FILE_TOO_LARGE = defineError('FILE_TOO_LARGE', {
  code: 'PAYLOAD_TOO_LARGE',
  message: 'The file is larger than files may be.',
  data: z.object({ maxBytes: z.number() }),
})

/** How much of a quota is used, by the files that are there. */
const Usage = z.object({
  usedBytes: z.number(),
  quotaBytes: z.number(),
  files: z.int(),
  maxFiles: z.int(),
})

export const QUOTA_EXCEEDED = defineError('QUOTA_EXCEEDED', {
  code: 'PAYLOAD_TOO_LARGE',
  message: 'There is no room for this file beside those that you have.',
  data: Usage,
})

export const UPLOAD_INCOMPLETE = defineError('UPLOAD_INCOMPLETE', {
  code: 'BAD_REQUEST',
  message: 'Not all of the file has come; nothing of it was kept.',
})

export const STORAGE_FULL = defineError('STORAGE_FULL', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The server has no room for this file; nothing of it was kept.',
})

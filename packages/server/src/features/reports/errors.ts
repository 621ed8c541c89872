import { z } from 'zod'

import { defineError } from '@tautline/kit'

export const REPORT_TOO_LARGE = defineError('REPORT_TOO_LARGE', {
  code: 'PAYLOAD_TOO_LARGE',
  message: 'A report is of half a million items at most: choose a shorter time.',
  data: z.object({ maxItems: z.int() }),
})

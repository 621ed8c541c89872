import { z } from 'zod'

import { defineError } from '@tautline/kit'

const Side = z.enum(['from', 'to'])

/** Also for accounts of others where one's own is asked for: an id tells nobody whose it is. */
export const ACCOUNT_NOT_FOUND = defineError('ACCOUNT_NOT_FOUND', {
  code: 'NOT_FOUND',
  message: 'There is no such account, or none that is yours to use.',
  /** Which one, where two were named. */
  data: z.object({ which: Side.optional() }),
})

export const SAME_ACCOUNT = defineError('SAME_ACCOUNT', {
  code: 'UNPROCESSABLE_CONTENT',
  message: 'A transfer is between two accounts.',
})

export const CURRENCY_MISMATCH = defineError('CURRENCY_MISMATCH', {
  code: 'UNPROCESSABLE_CONTENT',
  message: 'The two accounts are of different currencies.',
  data: z.object({ from: z.string(), to: z.string() }),
})

export const ACCOUNT_FROZEN = defineError('ACCOUNT_FROZEN', {
  code: 'CONFLICT',
  message: 'The account is frozen: it neither sends nor receives.',
  data: z.object({ which: Side }),
})

export const INSUFFICIENT_FUNDS = defineError('INSUFFICIENT_FUNDS', {
  code: 'CONFLICT',
  message: 'The account does not have that much.',
  /** By how much the amount is above the balance. */
  data: z.object({ missingMinor: z.bigint() }),
})

export const BALANCE_LIMIT_REACHED = defineError('BALANCE_LIMIT_REACHED', {
  code: 'CONFLICT',
  message: 'The balance would be larger than the ledger can hold.',
})

export const TRANSFER_LIMIT_REACHED = defineError('TRANSFER_LIMIT_REACHED', {
  code: 'TOO_MANY_REQUESTS',
  message: 'The account has sent as much as it may for now.',
  data: z.object({
    /** What there was too much of. */
    limit: z.enum(['transfers', 'amount']),
    /** When the same transfer is within the limit; null when its amount alone is above it. */
    retryAfterMs: z.int().nullable(),
  }),
})

import { z } from 'zod'

import { defineError } from '@tautline/shared'

/**
 * How a call to another service fails. A procedure that lets these out declares them:
 * `errors: [...upstreamErrors]`. None says which address or URL it was about: the log does.
 */
export const UPSTREAM_UNAVAILABLE = defineError('UPSTREAM_UNAVAILABLE', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'Another service that this call needs cannot be reached right now.',
  retryable: true,
})

export const UPSTREAM_TIMEOUT = defineError('UPSTREAM_TIMEOUT', {
  code: 'GATEWAY_TIMEOUT',
  message: 'Another service that this call needs took too long.',
  retryable: true,
})

/** What is not idempotent was sent, and no answer came. */
export const UPSTREAM_OUTCOME_UNKNOWN = defineError('UPSTREAM_OUTCOME_UNKNOWN', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'Another service was asked to do something and did not answer: it may have done it.',
})

/** Scheme, port, address, or a redirect that leads where no call may go. */
export const UPSTREAM_REFUSED_ADDRESS = defineError('UPSTREAM_REFUSED_ADDRESS', {
  code: 'BAD_REQUEST',
  message: 'This address may not be called.',
})

export const UPSTREAM_TOO_LARGE = defineError('UPSTREAM_TOO_LARGE', {
  code: 'BAD_GATEWAY',
  message: 'Another service answered with more than this call takes.',
})

/** Any status but 2xx. */
export const UPSTREAM_STATUS = defineError('UPSTREAM_STATUS', {
  code: 'BAD_GATEWAY',
  message: 'Another service answered with an error.',
  data: z.object({ status: z.int() }),
})

/** Broken HTTP, a broken encoding, JSON that is none or not what was expected, endless redirects. */
export const UPSTREAM_INVALID = defineError('UPSTREAM_INVALID', {
  code: 'BAD_GATEWAY',
  message: 'Another service answered with something that cannot be used.',
})

/** All of them; the set is closed. */
export const upstreamErrors = [
  UPSTREAM_UNAVAILABLE,
  UPSTREAM_TIMEOUT,
  UPSTREAM_OUTCOME_UNKNOWN,
  UPSTREAM_REFUSED_ADDRESS,
  UPSTREAM_TOO_LARGE,
  UPSTREAM_STATUS,
  UPSTREAM_INVALID,
] as const

/** The reason of one of them. */
export type UpstreamReason = (typeof upstreamErrors)[number]['reason']

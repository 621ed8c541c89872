import { errors } from 'undici'

import { Failure, isFailure } from '@tautline/shared'

import { NotConnectedError } from './connector.ts'
import {
  UPSTREAM_INVALID,
  UPSTREAM_OUTCOME_UNKNOWN,
  UPSTREAM_TIMEOUT,
  UPSTREAM_UNAVAILABLE,
} from './failures.ts'

export interface Circumstances {
  readonly signal: AbortSignal
  readonly isIdempotent: boolean
}

/**
 * What a request that broke off means. What is not idempotent and may have been sent is
 * `UPSTREAM_OUTCOME_UNKNOWN`; whoever gave the call up gets their own reason; what undici refuses
 * to send at all is a mistake of the code that calls, and is thrown as it is.
 */
export function toFailure(error: unknown, { signal, isIdempotent }: Circumstances): unknown {
  const cause: unknown = signal.aborted ? signal.reason : error
  if (cause instanceof errors.InvalidArgumentError) return cause
  if (cause instanceof NotConnectedError) return new Failure(UPSTREAM_UNAVAILABLE, { cause })
  const isUpstream = !signal.aborted || isTimeout(cause)
  if (isUpstream && !isIdempotent && isSilence(cause)) {
    return new Failure(UPSTREAM_OUTCOME_UNKNOWN, { cause })
  }
  if (isFailure(cause) || signal.aborted) return cause
  return new Failure(definitionOf(cause), { cause })
}

function definitionOf(error: unknown) {
  if (error instanceof errors.HeadersTimeoutError) return UPSTREAM_TIMEOUT
  if (error instanceof errors.BodyTimeoutError) return UPSTREAM_TIMEOUT
  if (error instanceof errors.HTTPParserError) return UPSTREAM_INVALID
  if (error instanceof errors.HeadersOverflowError) return UPSTREAM_INVALID
  return UPSTREAM_UNAVAILABLE
}

function isTimeout(error: unknown): boolean {
  return isFailure(error) && error.reason === 'UPSTREAM_TIMEOUT'
}

/** Whether the other side has not answered; what it answered wrongly, it has at least done. */
function isSilence(error: unknown): boolean {
  if (isFailure(error)) return isTimeout(error)
  return definitionOf(error) !== UPSTREAM_INVALID
}

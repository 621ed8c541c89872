import { TRPCClientError } from '@trpc/client'

import type { ErrorBody } from '@tautline/shared'

import { CallError, clientReasons, type ClientReason } from './call-error.ts'

/** System errors that come before anything was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

/** Client reasons after which the same call may be sent again without harm. */
const RETRYABLE = new Set<ClientReason>(['UNREACHABLE', 'CONNECTION_LOST'])

export function clientError(reason: ClientReason, cause?: unknown): CallError {
  const body = { reason, retryable: RETRYABLE.has(reason) }
  return new CallError(body, { message: clientReasons[reason], cause })
}

/** What a failed call of the links means. */
export function toCallError(error: unknown, kind: 'query' | 'mutation'): CallError {
  if (error instanceof TRPCClientError) {
    const body: unknown = error.data
    if (isBody(body)) return new CallError(body, { message: error.message, cause: error })
  }
  const cause = error instanceof TRPCClientError ? (error.cause ?? error) : error
  if (isAbort(cause)) return clientError('ABORTED', cause)
  if (!isNetwork(cause)) {
    // Something answered, such as a proxy with a page of its own: of a mutation nothing is known.
    return clientError(kind === 'mutation' ? 'OUTCOME_UNKNOWN' : 'BAD_RESPONSE', cause)
  }
  if (neverSent(cause)) return clientError('UNREACHABLE', cause)
  return clientError(kind === 'mutation' ? 'OUTCOME_UNKNOWN' : 'CONNECTION_LOST', cause)
}

function isBody(value: unknown): value is ErrorBody {
  return (
    typeof value === 'object' &&
    value !== null &&
    'reason' in value &&
    typeof value.reason === 'string' &&
    'retryable' in value &&
    typeof value.retryable === 'boolean'
  )
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** `fetch` rejects with a `TypeError` when the network failed, in every runtime. */
function isNetwork(error: unknown): boolean {
  return error instanceof TypeError
}

function neverSent(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && NEVER_SENT.has(cause.code)) return true
  }
  return false
}

import { TRPCClientError } from '@trpc/client'

import type { ErrorBody } from '@tautline/shared'

import { CallError, clientReasons, type ClientReason } from './call-error.ts'
import { LinkError } from './links/link-error.ts'

/** System errors that come before anything was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_INVALID_URL',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Statuses of the 4xx class that a proxy also gives after the server may have begun. */
const GIVEN_UP = new Set([408, 499])

/** Client reasons after which the same call may be sent again without harm. */
const RETRYABLE = new Set<ClientReason>(['UNREACHABLE', 'CONNECTION_LOST', 'TIMED_OUT'])

export function clientError(reason: ClientReason, cause?: unknown): CallError {
  const body = { reason, retryable: RETRYABLE.has(reason) }
  return new CallError(body, { message: clientReasons[reason], cause })
}

/** What a failed call of the links means. */
export function toCallError(error: unknown, kind: 'query' | 'mutation'): CallError {
  if (error instanceof CallError) return error
  if (error instanceof TRPCClientError) {
    if (error.cause instanceof CallError) return error.cause
    const body: unknown = error.data
    if (isBody(body)) return new CallError(body, { message: error.message, cause: error })
  }
  return clientError(reasonOf(error, kind), causeOf(error))
}

function reasonOf(error: unknown, kind: 'query' | 'mutation'): ClientReason {
  const cause = causeOf(error)
  const failed = cause instanceof LinkError ? cause : undefined
  if (failed?.stage === 'before') return 'NOT_SENT'
  if (failed?.stage === 'connection') {
    if (wasNeverSent(failed)) return 'UNREACHABLE'
    return kind === 'mutation' ? 'OUTCOME_UNKNOWN' : 'CONNECTION_LOST'
  }
  // Something answered, such as a proxy with a page of its own: of a mutation nothing is known,
  // unless it was refused, as by a proxy that wants a password or a smaller body.
  if (kind === 'query' || isRefusal(foreignAnswer(error).status)) return 'BAD_RESPONSE'
  return 'OUTCOME_UNKNOWN'
}

function causeOf(error: unknown): unknown {
  return error instanceof TRPCClientError ? (error.cause ?? error) : error
}

/** What is known of an answer that is none of a Tautline server. */
interface ForeignAnswer {
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
}

/** The answer of somebody else, such as a proxy, behind what the links have thrown. */
export function foreignAnswer(error: unknown): ForeignAnswer {
  const cause = causeOf(error)
  if (cause instanceof LinkError) return cause
  // Somebody else's JSON: tRPC keeps what `tellingFetch` has returned.
  const response: unknown = error instanceof TRPCClientError ? error.meta?.['response'] : undefined
  if (typeof response !== 'object' || response === null) return {}
  return { status: numberIn(response, 'status'), retryAfterMs: numberIn(response, 'retryAfterMs') }
}

function numberIn(facts: object, name: string): number | undefined {
  const value: unknown = Reflect.get(facts, name)
  return typeof value === 'number' ? value : undefined
}

function isRefusal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !GIVEN_UP.has(status)
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

function wasNeverSent(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && NEVER_SENT.has(cause.code)) return true
  }
  return false
}

import { defineError } from './errors.ts'

/** About an answer that was too large. It has no schema: a client would carry all of zod for it. */
interface TooLarge {
  /** The largest answer, in bytes of JSON. */
  readonly limitBytes: number
  /** Path of an export that tells all of it, where there is one: `/exports/items`. */
  readonly export?: string
}

/**
 * The closed table of reasons that any procedure may answer with. Features add reasons of their
 * own with `defineError`; a reason has one definition in a whole backend.
 */
export const commonErrors = {
  BAD_INPUT: defineError('BAD_INPUT', {
    code: 'BAD_REQUEST',
    message: 'The input is not valid.',
  }),
  KEY_NOT_SUPPORTED: defineError('KEY_NOT_SUPPORTED', {
    code: 'BAD_REQUEST',
    message: 'This procedure takes no idempotency key.',
  }),
  KEY_REQUIRED: defineError('KEY_REQUIRED', {
    code: 'BAD_REQUEST',
    message: 'This call needs an idempotency key.',
  }),
  UNAUTHENTICATED: defineError('UNAUTHENTICATED', {
    code: 'UNAUTHORIZED',
    message: 'This call needs a signed-in caller.',
  }),
  FORBIDDEN: defineError('FORBIDDEN', {
    code: 'FORBIDDEN',
    message: 'The caller may not do this.',
  }),
  ORIGIN_REFUSED: defineError('ORIGIN_REFUSED', {
    code: 'FORBIDDEN',
    message: 'Pages of this origin may not make this call.',
  }),
  NO_SUCH_PROCEDURE: defineError('NO_SUCH_PROCEDURE', {
    code: 'NOT_FOUND',
    message: 'There is no such procedure.',
  }),
  METHOD_NOT_SUPPORTED: defineError('METHOD_NOT_SUPPORTED', {
    code: 'METHOD_NOT_SUPPORTED',
    message: 'This HTTP method cannot call this procedure.',
  }),
  KEY_IN_FLIGHT: defineError('KEY_IN_FLIGHT', {
    code: 'CONFLICT',
    message: 'A call with the same idempotency key is still running; try again.',
    retryable: true,
  }),
  PAYLOAD_TOO_LARGE: defineError('PAYLOAD_TOO_LARGE', {
    code: 'PAYLOAD_TOO_LARGE',
    message: 'The request body is too large.',
  }),
  UNSUPPORTED_MEDIA_TYPE: defineError('UNSUPPORTED_MEDIA_TYPE', {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Procedures are called with application/json.',
  }),
  KEY_REUSED: defineError('KEY_REUSED', {
    code: 'UNPROCESSABLE_CONTENT',
    message: 'The idempotency key was used before, with another input.',
  }),
  RESPONSE_TOO_LARGE: defineError<'RESPONSE_TOO_LARGE', TooLarge>('RESPONSE_TOO_LARGE', {
    code: 'UNPROCESSABLE_CONTENT',
    message: 'The answer is larger than one may be: ask for less, or read an export.',
  }),
  RATE_LIMITED: defineError('RATE_LIMITED', {
    code: 'TOO_MANY_REQUESTS',
    message: 'Too many calls; wait before the next one.',
    retryable: true,
  }),
  TOO_MANY_TASKS: defineError('TOO_MANY_TASKS', {
    code: 'TOO_MANY_REQUESTS',
    message: 'Too many of your tasks are not finished; wait until some are.',
  }),
  CLIENT_CLOSED_REQUEST: defineError('CLIENT_CLOSED_REQUEST', {
    code: 'CLIENT_CLOSED_REQUEST',
    message: 'The caller went away.',
  }),
  INTERNAL: defineError('INTERNAL', {
    code: 'INTERNAL_SERVER_ERROR',
    message: 'Something went wrong on the server; the request id finds it in the log.',
  }),
  CONTENTION: defineError('CONTENTION', {
    code: 'SERVICE_UNAVAILABLE',
    message: 'Concurrent calls kept this one from finishing; try again.',
    retryable: true,
  }),
  UNAVAILABLE: defineError('UNAVAILABLE', {
    code: 'SERVICE_UNAVAILABLE',
    message: 'The service cannot answer right now; nothing was changed.',
    retryable: true,
  }),
  OVERLOADED: defineError('OVERLOADED', {
    code: 'SERVICE_UNAVAILABLE',
    message: 'The service has too much to do right now; nothing was changed.',
    retryable: true,
  }),
  COMMIT_UNKNOWN: defineError('COMMIT_UNKNOWN', {
    code: 'SERVICE_UNAVAILABLE',
    message: 'The call broke off while it changed something: the change may have happened.',
  }),
  DEADLINE_EXCEEDED: defineError('DEADLINE_EXCEEDED', {
    code: 'GATEWAY_TIMEOUT',
    message: 'The call took longer than it may; nothing was changed.',
  }),
} as const

/** Definition of any common reason. */
export type CommonError = (typeof commonErrors)[keyof typeof commonErrors]

import type { TRPCError } from '@trpc/server'
import { z } from 'zod'

import { commonErrors, Failure, isFailure, WireError } from '@tautline/shared'

import { toDatabaseFailure } from '../db/errors.ts'
import { badInput, refusedBy } from '../platform/bad-input.ts'

/**
 * What a failed call tells its caller. `declared` are the reasons that the procedure promises: one
 * that it does not is a bug of the handler, and as masked as any other.
 */
export function toFailure(error: TRPCError, declared: readonly { reason: string }[]): Failure {
  const { cause } = error
  if (isFailure(cause)) {
    if (isPromised(cause, declared)) return withDeclaredData(cause)
    return internal(new Error(`The procedure does not declare ${cause.reason}.`, { cause }))
  }
  return toInputFailure(error) ?? toDatabaseFailure(cause) ?? internal(cause ?? error)
}

/** What the definition's schema does not name is removed; data that it refuses is a bug. */
function withDeclaredData(failure: Failure): Failure {
  const { definition, details } = failure
  if (!definition.data) return failure
  const parsed = definition.data.safeParse(details.data)
  if (parsed.success) return new Failure(definition, { ...details, data: parsed.data })
  const message = `The data of ${definition.reason} does not fit its schema.`
  return internal(new Error(message, { cause: parsed.error }))
}

function isPromised(failure: Failure, declared: readonly { reason: string }[]): boolean {
  return (
    Object.hasOwn(commonErrors, failure.reason) ||
    declared.some((definition) => definition.reason === failure.reason)
  )
}

function internal(cause: unknown): Failure {
  return new Failure(commonErrors.INTERNAL, { cause })
}

/** What tRPC refuses by itself, before or outside any procedure of ours. */
export function fromTransport(error: TRPCError): Failure {
  if (isFailure(error.cause)) return error.cause
  const details = { cause: error }
  switch (error.code) {
    case 'NOT_FOUND':
      return new Failure(commonErrors.NO_SUCH_PROCEDURE, details)
    case 'METHOD_NOT_SUPPORTED':
      return new Failure(commonErrors.METHOD_NOT_SUPPORTED, details)
    case 'PAYLOAD_TOO_LARGE':
      return new Failure(commonErrors.PAYLOAD_TOO_LARGE, details)
    case 'UNSUPPORTED_MEDIA_TYPE':
      return new Failure(commonErrors.UNSUPPORTED_MEDIA_TYPE, details)
    case 'CLIENT_CLOSED_REQUEST':
      return new Failure(commonErrors.CLIENT_CLOSED_REQUEST, details)
    default:
      return toInputFailure(error) ?? internal(error)
  }
}

/** tRPC says BAD_REQUEST for an input that cannot be read, and for one that the schema refuses. */
function toInputFailure(error: TRPCError): Failure | undefined {
  if (error.code !== 'BAD_REQUEST' && error.code !== 'PARSE_ERROR') return undefined
  const { cause } = error
  if (cause instanceof z.ZodError || cause instanceof z.core.$ZodError) return refusedBy(cause)
  const message = cause instanceof WireError ? cause.message : 'The input cannot be read.'
  return badInput([{ path: [], code: 'malformed', message }])
}

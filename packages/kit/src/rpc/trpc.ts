import { initTRPC, TRPCError } from '@trpc/server'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'

import { httpStatusOf, type ErrorBody, type Failure } from '@tautline/shared'

import { currentRequestId } from '../platform/call-scope.ts'
import { serverWire } from './answer.ts'
import type { RequestContext } from './context.ts'
import type { ProcedureMeta } from './definition.ts'
import { fromTransport } from './failure.ts'

/** The one tRPC root. It holds no state: every backend's routers are built on it. */
export const t = initTRPC
  .context<RequestContext>()
  .meta<ProcedureMeta>()
  .create({
    transformer: serverWire,
    isDev: false, // never a stack in an answer, whatever NODE_ENV says
    errorFormatter({ error }) {
      const failure = fromTransport(error)
      return {
        message: failure.definition.message,
        code: TRPC_ERROR_CODES_BY_KEY[failure.definition.code],
        data: withHttpStatus(toBody(failure), failure),
      }
    },
  })

/**
 * tRPC's node adapter takes the status of its last-resort answer from `data.httpStatus`, and
 * without one it throws where nobody catches. Not enumerable, it is not part of what is sent.
 */
function withHttpStatus(body: ErrorBody, { definition }: Failure): ErrorBody {
  return Object.defineProperty(body, 'httpStatus', { value: httpStatusOf[definition.code] })
}

/** All of a failure that may leave the house. */
export function toBody(failure: Failure): ErrorBody {
  const { reason, retryable } = failure.definition
  const { retryAfterMs, issues, data } = failure.details
  return {
    reason,
    requestId: currentRequestId(),
    retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(issues !== undefined && { issues }),
    ...(data !== undefined && { data }),
  }
}

/** Tells a failure to tRPC, with the code that the error table gives it. */
export function toTrpcError(failure: Failure): TRPCError {
  const { code, message } = failure.definition
  return new TRPCError({ code, message, cause: failure })
}

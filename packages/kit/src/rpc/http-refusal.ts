import type { IncomingMessage } from 'node:http'

import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'

import { commonErrors, httpStatusOf, wire, type Failure } from '@tautline/shared'

import { currentRequestId } from '../platform/call-scope.ts'
import { retryAfter } from '../policies/rate-limit/headers.ts'
import { discardBody } from './body.ts'
import type { RpcRequest } from './http.ts'
import { toBody } from './trpc.ts'

type Refused = Pick<RpcRequest, 'request' | 'response'>

/** Answers in tRPC's envelope, so that every client reads it like the error of a call. */
export function refuse(rpc: Refused, failure: Failure): void {
  const { code, message } = failure.definition
  const { retryAfterMs } = failure.details
  const { response } = rpc
  const shape = { message, code: TRPC_ERROR_CODES_BY_KEY[code], data: toBody(failure) }
  response.statusCode = httpStatusOf[code]
  if (failure.reason === 'METHOD_NOT_SUPPORTED' && !response.hasHeader('allow')) {
    response.setHeader('allow', 'GET, POST')
  }
  if (retryAfterMs !== undefined) response.setHeader('retry-after', retryAfter(retryAfterMs))
  send(rpc, JSON.stringify({ error: wire.output.serialize(shape) }))
}

const OVERLOADED = overloadedText()

/**
 * The same for a request that was not let in, whose every refusal is alike: there is no time then to
 * make an error with its stack, and to encode it.
 */
export function refuseOverloaded(rpc: Refused, retryAfterMs: number): void {
  const { response } = rpc
  response.statusCode = httpStatusOf[commonErrors.OVERLOADED.code]
  response.setHeader('retry-after', retryAfter(retryAfterMs))
  // The server has made the id, or checked that it can be repeated as it is.
  const ids = `"requestId":"${currentRequestId()}","retryAfterMs":${Math.ceil(retryAfterMs)}`
  send(rpc, `${OVERLOADED},${ids}}}}}`)
}

/** The answer up to what differs: its id and the wait. */
function overloadedText(): string {
  const { code, message, reason, retryable } = commonErrors.OVERLOADED
  const data = { reason, retryable }
  const shape = { message, code: TRPC_ERROR_CODES_BY_KEY[code], data }
  return JSON.stringify({ error: { json: shape } }).slice(0, -'}}}}'.length)
}

function send({ request, response }: Refused, text: string): void {
  response.setHeader('content-type', 'application/json')
  if (hasCome(request)) {
    response.end(text)
    return
  }
  // All of the answer leaves now, and the end that closes the connection a moment later. By itself Node
  // waits a tick, in which bytes that are no body may cost the caller the connection.
  response.setHeader('connection', 'close')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.cork()
  response.write(text)
  response.uncork()
  discardBody(request, () => response.end())
}

/**
 * Whether all of a request is here. Node says `complete` a moment after the last byte of a body, and
 * a refusal is faster than that: it must not cost its caller the connection.
 */
function hasCome({ complete, headers, readableLength }: IncomingMessage): boolean {
  return complete || readableLength === Number(headers['content-length'])
}

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { AnyTRPCRouter } from '@trpc/server'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'

import { commonErrors, Failure, httpStatusOf, isFailure, wire } from '@tautline/shared'

import { currentRequestId } from '../platform/call-scope.ts'
import { discardBody, readBody } from './body.ts'
import { createRequestContext, type ContextOptions } from './context.ts'
import { badInput } from './failure.ts'
import { checkJsonShape } from './json-guard.ts'
import { procedureMetas } from './metas.ts'
import { toBody } from './trpc.ts'

/** Most calls in one HTTP request. */
const MAX_BATCH_SIZE = 20

const DEFAULT_MAX_BODY_BYTES = 1_000_000

export interface RpcOptions extends ContextOptions {
  readonly router: AnyTRPCRouter
}

export interface RpcRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Names of the procedures, as they stand in the URL: one, or several with commas. */
  readonly path: string
}

/**
 * Serves procedures over HTTP by tRPC's node adapter, behind the checks that the adapter leaves
 * open: methods, content type, size, batch length, UTF-8, depth and number of JSON values. All of
 * them come before any procedure starts.
 */
export function createRpcHandler(options: RpcOptions): (rpc: RpcRequest) => Promise<void> {
  const { router } = options
  const bodyLimits = new Map(
    procedureMetas(router).map(([path, meta]) => [path, meta.policy.maxBodyBytes]),
  )

  return async (rpc) => {
    const { request, response, url, path } = rpc
    try {
      const maxBytes = maxBodyBytes(pathsOf(rpc), bodyLimits)
      const text = await admit(rpc, maxBytes)
      await nodeHTTPRequestHandler({
        router,
        req: Object.assign(request, { body: text }),
        res: response,
        path,
        allowMethodOverride: true,
        maxBatchSize: MAX_BATCH_SIZE,
        createContext: () =>
          createRequestContext(
            { headers: request.headers, requestId: currentRequestId() },
            options,
          ),
      })
    } catch (error) {
      if (request.destroyed && !request.complete) return // the caller left while sending
      if (!isFailure(error)) throw error
      refuse(rpc, error)
      options.resources.log.info({ outcome: error.reason, path: url.pathname }, 'request refused')
    }
  }
}

/** The paths of the calls; a batch names up to twenty. Throws `BAD_INPUT`. */
function pathsOf({ path, url }: RpcRequest): string[] {
  const paths =
    url.searchParams.get('batch') === '1' ? decodePath(path).split(',') : [decodePath(path)]
  if (paths.length <= MAX_BATCH_SIZE) return paths
  const message = `A batch has at most ${MAX_BATCH_SIZE} calls.`
  throw badInput([{ path: [], code: 'batch_too_large', message }])
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badInput([{ path: [], code: 'malformed', message: 'The path cannot be decoded.' }])
  }
}

function maxBodyBytes(paths: readonly string[], limits: ReadonlyMap<string, number | undefined>) {
  return Math.max(...paths.map((path) => limits.get(path) ?? DEFAULT_MAX_BODY_BYTES))
}

/** The checks. Returns the body of a POST, undefined for a GET. */
async function admit(rpc: RpcRequest, maxBytes: number): Promise<string | undefined> {
  const { request, url } = rpc
  if (!URL.canParse(`http://${request.headers.host}`)) {
    throw badInput([{ path: [], code: 'bad_host', message: 'The Host header names no host.' }])
  }
  if (request.method === 'GET') {
    checkJsonShape(url.searchParams.get('input') ?? '', maxBytes)
    return undefined
  }
  if (request.method !== 'POST') throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  if (!isJson(request.headers['content-type'])) {
    throw new Failure(commonErrors.UNSUPPORTED_MEDIA_TYPE)
  }
  const text = await readBody(request, maxBytes)
  checkJsonShape(text, maxBytes)
  return text
}

/** Media types are case-insensitive (RFC 9110, 8.3.1); JSON is UTF-8 (RFC 8259, 8.1). */
function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? '')
}

/** Answers in tRPC's envelope, so that every client reads it like the error of a call. */
function refuse({ request, response }: RpcRequest, failure: Failure): void {
  const { code, message } = failure.definition
  const shape = { message, code: TRPC_ERROR_CODES_BY_KEY[code], data: toBody(failure) }
  response.statusCode = httpStatusOf[code]
  response.setHeader('content-type', 'application/json')
  if (failure.reason === 'METHOD_NOT_SUPPORTED') response.setHeader('allow', 'GET, POST')
  if (!request.complete) response.setHeader('connection', 'close')
  response.end(JSON.stringify({ error: wire.output.serialize(shape) }))
  discardBody(request)
}

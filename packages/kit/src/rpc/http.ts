import type { IncomingMessage, ServerResponse } from 'node:http'

import type { AnyTRPCRouter, TRPCError } from '@trpc/server'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'

import { commonErrors, Failure, httpStatusOf, isFailure, wire } from '@tautline/shared'

import { currentRequestId } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import { discardBody, readBody } from './body.ts'
import { createRequestContext, type ContextOptions, type RequestContext } from './context.ts'
import type { Policy } from './definition.ts'
import { badInput, fromTransport } from './failure.ts'
import { authorise } from './gates.ts'
import { checkJsonShape } from './json-guard.ts'
import { procedureMetas } from './metas.ts'
import { startTiming, type RequestTiming } from './server-timing.ts'
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
  /** The client's IP address. */
  readonly address: string
}

/**
 * Serves procedures over HTTP by tRPC's node adapter, behind the checks that the adapter leaves
 * open: methods, content type, size, batch length, UTF-8, depth and number of JSON values. All of
 * them come before any procedure starts.
 */
export function createRpcHandler(options: RpcOptions): (rpc: RpcRequest) => Promise<void> {
  const { router, resources } = options
  const policies = new Map(procedureMetas(router).map(([path, { policy }]) => [path, policy]))

  return async (rpc) => {
    const { request, response, url, path, address } = rpc
    const { headers } = request
    const timing = startTiming()
    const context = createRequestContext(
      { headers, address, requestId: currentRequestId(), timing },
      options,
    )
    try {
      const text = await admit(rpc, context, policies)
      // Only path and query are the client's to say; tRPC would build a URL from its Host too.
      request.headers.host = 'localhost'
      await nodeHTTPRequestHandler({
        router,
        req: Object.assign(request, { body: text, url: url.pathname + url.search }),
        res: response,
        path,
        allowMethodOverride: true,
        maxBatchSize: MAX_BATCH_SIZE,
        createContext: () => context,
        responseMeta: ({ eagerGeneration }) => ({
          headers: answerHeaders(response, eagerGeneration ? undefined : timing),
        }),
        onError: ({ error }) => logOutsideCalls(resources.log, error, url.pathname),
      })
    } catch (error) {
      if (request.destroyed && !request.complete) return // the caller left while sending
      if (!isFailure(error)) throw error
      refuse(rpc, error)
      resources.log.info({ outcome: error.reason, path: url.pathname }, 'request refused')
    }
  }
}

/** A call writes its own line (`call.ts`); this is for what tRPC refuses before there is one. */
function logOutsideCalls(log: Logger, error: TRPCError, path: string): void {
  if (isFailure(error.cause)) return
  const { reason } = fromTransport(error)
  if (reason === 'INTERNAL') log.error({ outcome: reason, path, err: error }, 'request failed')
  else log.info({ outcome: reason, path }, 'request refused')
}

/**
 * The one place that adds headers to the answers of calls. Of what is already there, tRPC overwrites
 * `Vary`, and `Cache-Control` on streams, so those are joined to its own. What a stream's time went
 * to is not known when its headers leave.
 */
function answerHeaders(response: ServerResponse, timing: RequestTiming | undefined): Headers {
  const headers = new Headers()
  const vary = response.getHeader('vary')
  if (vary !== undefined) headers.append('vary', String(vary))
  if (timing) headers.set('server-timing', timing.header())
  else headers.append('cache-control', 'no-store')
  return headers
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

type Policies = ReadonlyMap<string, Policy>

/** A batch shares one body, so that no procedure's larger limit serves another one. */
function bodyLimit(paths: readonly string[], policies: Policies): number {
  const limits = paths.map((path) => policies.get(path)?.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES)
  return limits.length === 1 ? Math.max(...limits) : Math.min(DEFAULT_MAX_BODY_BYTES, ...limits)
}

/** The checks. Returns the body of a POST, undefined for a GET. */
async function admit(
  rpc: RpcRequest,
  context: RequestContext,
  policies: Policies,
): Promise<string | undefined> {
  const { request, url } = rpc
  const paths = pathsOf(rpc)
  if (!/^[\w.:[\]-]*$/.test(request.headers.host ?? '')) {
    throw badInput([{ path: [], code: 'bad_host', message: 'The Host header names no host.' }])
  }
  const maxBytes = bodyLimit(paths, policies)
  if (request.method === 'GET') {
    checkJsonShape(url.searchParams.get('input') ?? '', maxBytes)
    return undefined
  }
  if (request.method !== 'POST') throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  if (!isJson(request.headers['content-type'])) {
    throw new Failure(commonErrors.UNSUPPORTED_MEDIA_TYPE)
  }
  if (maxBytes > DEFAULT_MAX_BODY_BYTES) await authoriseLargeBody(paths, context, policies)
  const text = await readBody(request, maxBytes)
  checkJsonShape(text, maxBytes)
  return text
}

/** A large body is held in memory, so who may not call is told so before it is read. */
async function authoriseLargeBody(
  paths: readonly string[],
  context: RequestContext,
  policies: Policies,
): Promise<void> {
  for (const path of paths) {
    const policy = policies.get(path)
    if (policy) authorise(policy.allow, await context.identify())
  }
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

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { AnyTRPCRouter } from '@trpc/server'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'

import { isFailure } from '@tautline/shared'

import { currentRequestId } from '../platform/call-scope.ts'
import type { Refusal } from '../policies/admission/admission.ts'
import { createEntrance } from './admit.ts'
import { answerHeaders } from './answer-headers.ts'
import { createBodyBudget, MAX_BYTES_IN_READING } from './body-budget.ts'
import { createRequestContext, type ContextOptions, type RequestContext } from './context.ts'
import {
  largestBodyBytes,
  MAX_BATCH_SIZE,
  rawInputOf,
  readAnnounced,
  readInputs,
  type Announced,
} from './door.ts'
import { refuse, refuseOverloaded } from './http-refusal.ts'
import { logOutsideCalls } from './outside-calls.ts'
import { createPlans } from './plans.ts'
import { serveStream } from './serve-stream.ts'
import { startTiming } from './server-timing.ts'

export interface RpcOptions extends ContextOptions {
  readonly router: AnyTRPCRouter
  /** Paths of exports, by the noun of what they export. */
  readonly exportPaths: ReadonlyMap<string, string>
}

export interface RpcRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Names of the procedures, as they stand in the URL: one, or several with commas. */
  readonly path: string
  /** The client's IP address. */
  readonly address: string
  /** Origins besides its own whose pages may call; `*` is every one, without cookies. */
  readonly origins: readonly string[]
}

/**
 * Serves procedures over HTTP by tRPC's node adapter, behind the checks that the adapter leaves
 * open: methods, origin, content type, admission, size, batch length, UTF-8, depth and number of
 * JSON values. All of them come before any procedure starts.
 */
export function createRpcHandler(options: RpcOptions): (rpc: RpcRequest) => Promise<void> {
  const { router, exportPaths, resources, mechanisms } = options
  const { admission } = mechanisms
  const { metrics } = resources
  const plans = createPlans(router, { limits: mechanisms.limits, exportPaths }, metrics)
  const largestBytes = largestBodyBytes(plans)
  const bodies = createBodyBudget({ maxBytes: MAX_BYTES_IN_READING, largestBytes, metrics })

  function turnAway(rpc: RpcRequest, { retryAfterMs }: Refusal): void {
    refuseOverloaded(rpc, retryAfterMs)
    resources.log.debug({ outcome: 'OVERLOADED', path: rpc.url.pathname }, 'request refused')
  }

  return async (rpc) => {
    const { request, response, url, address } = rpc
    const { headers } = request
    const timing = startTiming()
    try {
      const announced = readAnnounced(rpc)
      const { deadlineMs, idempotencyKey } = announced
      const deadlineAt = deadlineMs === undefined ? undefined : performance.now() + deadlineMs
      const entrance = createEntrance(response, announced, { admission, plans, deadlineAt })
      const early = await entrance.look()
      if (early) return turnAway(rpc, early)
      const requestId = currentRequestId()
      const context = createRequestContext(
        { headers, address, requestId, timing, plans, deadlineAt, idempotencyKey, place: entrance },
        options,
      )
      const text = await readInputs(rpc, announced, { context, plans, bodies })
      const late = await entrance.enter()
      if (late) return turnAway(rpc, late)
      if (idempotencyKey !== undefined) context.rawInput = rawInputOf(text, announced)
      // Only path and query are the client's to say; tRPC would build a URL from its Host too.
      request.headers.host = 'localhost'
      const [only = ''] = announced.isBatch ? [] : announced.paths
      const isStream = plans.get(only)?.kind === 'subscription'
      const read = { announced, text, context }
      if (isStream) serveStream(rpc, read, options)
      else await serveCalls(rpc, read, options)
    } catch (error) {
      if (request.destroyed && !request.complete) return // the caller left while sending
      if (!isFailure(error)) throw error
      refuse(rpc, error)
      resources.log.info({ outcome: error.reason, path: url.pathname }, 'request refused')
    }
  }
}

/** A request that was let in. */
export interface ReadRequest {
  readonly announced: Announced
  /** Its body, where it came by POST. */
  readonly text: string | undefined
  readonly context: RequestContext
}

async function serveCalls(
  { request, response, url, path }: RpcRequest,
  { announced, text, context }: ReadRequest,
  { router, resources, mechanisms }: RpcOptions,
): Promise<void> {
  await nodeHTTPRequestHandler({
    router,
    req: Object.assign(request, { body: text, url: url.pathname + url.search }),
    res: response,
    path,
    allowMethodOverride: true,
    maxBatchSize: MAX_BATCH_SIZE,
    createContext: () => context,
    responseMeta({ eagerGeneration, errors }) {
      const isKeyed = announced.idempotencyKey !== undefined
      if (isKeyed) mechanisms.keyedCallObserver?.('before-response')
      const ended = { context, count: announced.paths.length, errors }
      return { headers: answerHeaders(response, eagerGeneration ? undefined : ended) }
    },
    onError: ({ error }) => logOutsideCalls(resources.log, error, url.pathname),
  })
}

import type { ServerResponse } from 'node:http'

import {
  callTRPCProcedure,
  getTRPCErrorFromUnknown,
  getTRPCErrorShape,
  isTrackedEnvelope,
  TRPCError,
  type AnyTRPCRouter,
} from '@trpc/server'

import { wire } from '@tautline/shared'

import { badInput } from '../platform/bad-input.ts'
import { toText } from './answer.ts'
import type { RequestContext } from './context.ts'
import type { ReadRequest, RpcOptions, RpcRequest } from './http.ts'
import { logOutsideCalls } from './outside-calls.ts'
import { StreamEnd } from './stream-end.ts'
import { openStreamWriter, type StreamFrame } from './stream-writer.ts'
import type { OpenStream } from './streams.ts'

/** The longest id of an event that a reader may bring, in characters. */
const MAX_ID_LENGTH = 2_000

/**
 * Answers one subscription. tRPC's own adapter holds 50 KB more for an idle reader, has no word for
 * "come back later", and keeps a reader who has stopped reading for as long as the network lets it.
 * Throws, before it has answered, when there is no room. It is not waited for, so that a stream, which
 * may last for long, keeps nothing of how its request came in.
 */
export function serveStream(
  { request, response, url }: RpcRequest,
  { announced, text, context }: ReadRequest,
  options: RpcOptions,
): void {
  const [path = ''] = announced.paths
  const lastEventId = lastEventIdOf(request.headers['last-event-id'], url)
  const inputText = request.method === 'GET' ? url.searchParams.get('input') : text
  const stream = options.mechanisms.streams.open()
  response.once('close', stream.leave)
  if (response.destroyed) stream.leave()
  const { pathname } = url
  const call = { path, pathname, ctx: { ...context, stream }, inputText, lastEventId }
  answer(response, call, options).catch((err: unknown) => {
    options.resources.log.error({ err }, 'a stream failed outside any procedure')
    response.destroy()
  })
}

/** The call of a subscription. */
interface StreamCall {
  /** Of the procedure, and of the request. */
  readonly path: string
  readonly pathname: string
  readonly ctx: RequestContext & { readonly stream: OpenStream }
  readonly inputText: string | null | undefined
  readonly lastEventId: string | null
}

async function answer(
  response: ServerResponse,
  { path, pathname, ctx, inputText, lastEventId }: StreamCall,
  { router, resources }: RpcOptions,
): Promise<void> {
  const { stream } = ctx
  const { signal } = stream
  const writer = openStreamWriter(response, { signal })
  try {
    const events: unknown = await callTRPCProcedure({
      router,
      path,
      type: 'subscription',
      ctx,
      getRawInput: async () => withLastEventId(readInput(inputText), lastEventId),
      signal,
      batchIndex: 0,
    })
    // oxlint-disable-next-line typescript/consistent-type-assertions -- `subscription` has made it
    for await (const event of events as AsyncIterable<unknown>) await writer.send(frameOf(event))
    await writer.end({ event: 'return', data: '' })
  } catch (cause) {
    if (signal.reason instanceof StreamEnd) return await writer.end(signal.reason)
    const error = getTRPCErrorFromUnknown(cause)
    logOutsideCalls(resources.log, error, pathname)
    const data = toText(shapeOf(error, { router, path }))
    await writer.end({ event: 'serialized-error', data })
  } finally {
    stream.close()
  }
}

function frameOf(event: unknown): StreamFrame {
  if (!isTrackedEnvelope(event)) return { data: toText(event) }
  const [id, data] = event
  return { data: toText(data), id }
}

function shapeOf(
  error: TRPCError,
  { router, path }: { router: AnyTRPCRouter; path: string },
): unknown {
  const known = { error, path, type: 'subscription', input: undefined, ctx: undefined } as const
  return getTRPCErrorShape({ config: router._def._config, ...known })
}

/** From where to resume. In a query by either name, as clients of tRPC have it. */
function lastEventIdOf(header: string | string[] | undefined, { searchParams }: URL) {
  const id =
    [header].flat()[0] ?? searchParams.get('lastEventId') ?? searchParams.get('Last-Event-Id')
  if (id !== null && id.length > MAX_ID_LENGTH) {
    const message = `An id of an event has ${MAX_ID_LENGTH} characters at most.`
    throw badInput([{ path: ['lastEventId'], code: 'too_big', message }])
  }
  return id === '' ? null : id
}

/** The input as the procedure's schema is to see it; throws what tRPC throws. */
function readInput(text: string | null | undefined): unknown {
  if (text === null || text === undefined || text === '') return undefined
  try {
    return wire.input.deserialize(JSON.parse(text))
  } catch (cause) {
    throw new TRPCError({ code: 'BAD_REQUEST', message: 'The input cannot be read.', cause })
  }
}

function withLastEventId(input: unknown, lastEventId: string | null): unknown {
  if (lastEventId === null) return input
  if (input === undefined) return { lastEventId }
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  return isObject ? { ...input, lastEventId } : input
}

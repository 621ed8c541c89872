import { TRPCClientError } from '@trpc/client'

import { parseRetryAfter, wire } from '@tautline/shared'

import { beforeSending, LinkError } from './links/link-error.ts'
import { createFrameReader, type Frame, type FrameReader } from './subscription-frames.ts'

/** Longest wait for the beginning of an answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000

/** How long a silence means that the connection is lost, where the server does not say, in milliseconds. */
const SILENCE_MS = 45_000

/** The longest input that goes into a URL, in characters of JSON. */
const MAX_GET_INPUT = 2_000

/** Where a stream is, and how to ask for it. */
export interface StreamRequest {
  /** Of the procedure. */
  readonly url: string
  readonly input: unknown
  readonly headers: Headers
  readonly fetch: typeof fetch | undefined
  readonly credentials: RequestCredentials | undefined
  /** Ends the connection. */
  readonly signal: AbortSignal
}

/** How a connection has ended without an error. */
export interface StreamEnd {
  /** Whether the subscription is over; else it is to be resumed. */
  readonly isOver: boolean
  /** When the server wants its reader back, in milliseconds, where it says so. */
  readonly retryMs: number | undefined
}

/**
 * One connection of a subscription, read as fast as it is asked for frames. Rejects with a `LinkError`
 * when it breaks, or falls silent for longer than the server says it ever does, and with a
 * `TRPCClientError` for a refusal of the server.
 */
export async function* connect(request: StreamRequest): AsyncGenerator<Frame, StreamEnd> {
  const watchdog = createWatchdog(request.signal)
  try {
    const body = await watchdog.within(ANSWER_TIMEOUT_MS, send(request, watchdog.signal))
    const reader = body.getReader()
    try {
      return yield* readFrames(reader, watchdog)
    } finally {
      reader.cancel().catch(() => {}) // whoever has stopped reading wants no more of it
    }
  } finally {
    watchdog.close()
  }
}

async function* readFrames(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  watchdog: Watchdog,
): AsyncGenerator<Frame, StreamEnd> {
  const decoder = new TextDecoder()
  const frames = createFrameReader()
  let silenceMs = SILENCE_MS
  for (;;) {
    const { done, value } = await watchdog.within(silenceMs, lost(reader.read()))
    if (done) return { isOver: false, retryMs: frames.retryMs }
    for (const frame of takeIn(frames, decoder.decode(value, { stream: true }))) {
      if (frame.event === 'connected') silenceMs = silenceOf(frame.data) ?? silenceMs
      if (frame.event === 'return') return { isOver: true, retryMs: undefined }
      if (frame.event === 'serialized-error') throw refusal(decode(frame.data))
      yield frame
    }
  }
}

function takeIn(frames: FrameReader, piece: string): Frame[] {
  try {
    return frames.read(piece)
  } catch (cause) {
    throw new LinkError('answer', { cause })
  }
}

/** Asks for the stream. Resolves with its body. */
async function send(
  { url, input, headers, fetch: own, credentials }: StreamRequest,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const text = beforeSending(() =>
    input === undefined ? undefined : JSON.stringify(wire.input.serialize(input)),
  )
  const isPost = text !== undefined && text.length > MAX_GET_INPUT
  if (isPost) headers.set('content-type', 'application/json')
  headers.set('accept', 'text/event-stream')
  const query = text === undefined || isPost ? '' : `?input=${encodeURIComponent(text)}`
  const init = {
    method: isPost ? 'POST' : 'GET',
    headers,
    signal,
    cache: 'no-store' as const,
    ...(isPost && { body: text }),
    ...(credentials && { credentials }),
  }
  const response = await lost((own ?? globalThis.fetch)(url + query, init))
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
  if (response.ok && isStream && response.body) return response.body
  throw await refusalOf(response)
}

/** What breaks while somebody waits for it was the connection. */
function lost<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw new LinkError('connection', { cause })
  })
}

/** Of an answer that is no stream: what the server says against it, or that it is somebody else's. */
async function refusalOf(response: Response): Promise<Error> {
  const { status, headers } = response
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), Date.now())
  const text = await lost(response.text())
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer === 'object' && answer !== null && 'error' in answer) {
      return refusal(decodePayload(answer.error))
    }
    throw new TypeError('The answer is no error of a Tautline server.')
  } catch (cause) {
    return new LinkError('answer', { cause, status, retryAfterMs })
  }
}

function refusal(shape: unknown): Error {
  const isShape = typeof shape === 'object' && shape !== null && 'message' in shape
  if (!isShape) return new LinkError('answer', { cause: shape })
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `toCallError` looks at what it uses
  return TRPCClientError.from({ error: shape } as Parameters<typeof TRPCClientError.from>[0])
}

/** The value of the data of an event. Throws `LinkError` for what no Tautline server sends. */
export function decode(data: string): unknown {
  try {
    return decodePayload(JSON.parse(data))
  } catch (cause) {
    throw new LinkError('answer', { cause })
  }
}

function decodePayload(payload: unknown): unknown {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a server has written it
  return wire.output.deserialize(payload as Parameters<typeof wire.output.deserialize>[0])
}

/** What a server says in its first frame: how long a silence is too long. */
function silenceOf(data: string): number | undefined {
  const options = decodeOptions(data)
  const ms =
    typeof options === 'object' && options !== null && 'reconnectAfterInactivityMs' in options
      ? options.reconnectAfterInactivityMs
      : undefined
  return typeof ms === 'number' && ms > 0 ? ms : undefined
}

function decodeOptions(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** Ends a connection that takes too long, and only while somebody waits for it. */
interface Watchdog {
  readonly signal: AbortSignal
  within<T>(ms: number, work: Promise<T>): Promise<T>
  close(): void
}

function createWatchdog(callers: AbortSignal): Watchdog {
  const controller = new AbortController()
  const leave = () => controller.abort(callers.reason)
  if (callers.aborted) leave()
  callers.addEventListener('abort', leave, { once: true })
  return {
    signal: controller.signal,
    within: (ms, work) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => controller.abort(new Error(`Nothing came for ${ms} ms.`)),
          ms,
        )
        // Also where a `fetch` of somebody else is deaf to its signal.
        const abort = () => reject(new LinkError('connection', { cause: controller.signal.reason }))
        if (controller.signal.aborted) abort()
        controller.signal.addEventListener('abort', abort, { once: true })
        work.then(resolve, reject).finally(() => {
          clearTimeout(timer)
          controller.signal.removeEventListener('abort', abort)
        })
      }),
    close() {
      callers.removeEventListener('abort', leave)
      controller.abort()
    },
  }
}

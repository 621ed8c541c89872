import { sleep } from '@tautline/shared'

import type { CallError } from './call-error.ts'
import type { ClientOptions } from './client-options.ts'
import { createLeaving } from './leaving.ts'
import { createStreamAccess, type StreamAccess } from './subscription-access.ts'
import { connect, decode, type StreamEnd } from './subscription-connection.ts'
import type { Frame } from './subscription-frames.ts'
import { createPause, type Pause } from './subscription-pause.ts'
import { clientError, foreignAnswer, toCallError } from './to-call-error.ts'

/** How a subscription is connected, in the words of tRPC. */
export interface ConnectionState {
  /** `connecting`, for the first time or again; `pending` while events may come; `idle` at the end. */
  readonly state: 'connecting' | 'pending' | 'idle'
  /** Why it has to connect again. */
  readonly error: CallError | null
}

/** One subscription as its caller sees it, over all of its connections. */
export interface Subscribing {
  readonly path: string
  readonly input: unknown
  /** Ends it with `ABORTED`. */
  readonly signal: AbortSignal
  readonly onState?: ((state: ConnectionState) => void) | undefined
}

/** An event, with the id behind which the subscription is resumed where it is tracked. */
export interface StreamEvent {
  readonly id: string | undefined
  readonly data: unknown
}

/** Statuses by which a proxy says that the server is not there for the moment; from 520 on Cloudflare's. */
const PASSING = new Set([408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524])

export type Subscribe = (subscribing: Subscribing) => AsyncGenerator<StreamEvent, void>

/**
 * Makes the function by which a client subscribes. It reads on through everything that passes: lost
 * connections, restarts, refusals of proxies, busy servers, tokens that expire; after each it resumes
 * behind the last event that its caller has got. It is read as fast as it is asked for, and ends for
 * good with a refusal that no repetition changes, as a `CallError`.
 */
export function createSubscribe(options: ClientOptions): Subscribe {
  return (subscribing) => resume(subscribing, options)
}

/** What all connections of a subscription have in common. */
interface Common {
  readonly subscribing: Subscribing
  readonly options: ClientOptions
  /** Ends it: with a `CallError` of its own, or because its caller has left. */
  readonly signal: AbortSignal
  readonly access: StreamAccess
  readonly pause: Pause
  /** Of the last event that was handed out. */
  lastEventId: string | undefined
}

async function* resume(
  subscribing: Subscribing,
  options: ClientOptions,
): AsyncGenerator<StreamEvent, void> {
  const { onState } = subscribing
  const pause = createPause()
  const access = createStreamAccess(options)
  const { signal, leave, end } = createLeaving(subscribing.signal)
  const undo = access.onSignOut(leave)
  const common: Common = { subscribing, options, signal, access, pause, lastEventId: undefined }
  let error: CallError | null = null
  try {
    onState?.({ state: 'connecting', error })
    for (;;) {
      try {
        const { isOver, retryMs } = yield* read(common)
        if (isOver) return
        if (options.retry === false) throw clientError('CONNECTION_LOST')
        error = null
        pause.ended(retryMs)
      } catch (cause) {
        if (signal.aborted) throw reasonOf(common)
        error = await passing(cause, common)
      }
      onState?.({ state: 'connecting', error })
      await sleep(pause.ms, { signal }).catch(() => {
        throw reasonOf(common)
      })
    }
  } finally {
    undo()
    end()
    onState?.({ state: 'idle', error: null })
  }
}

/** Why it was aborted: by its caller, unless its user has signed out. */
function reasonOf({ subscribing, signal }: Common): unknown {
  const callers = subscribing.signal
  return callers.aborted ? clientError('ABORTED', callers.reason) : signal.reason
}

/** Reads one connection. */
async function* read(common: Common): AsyncGenerator<StreamEvent, StreamEnd> {
  const { subscribing, options, signal, access, pause } = common
  const { path, onState } = subscribing
  const hasCookies = options.cookies ?? (options.session && 'cookies' in options.session)
  const frames = connect({
    url: `${options.url.replace(/\/$/, '')}/${path}`,
    input: withLastEventId(subscribing.input, common.lastEventId),
    headers: await access.headers(),
    fetch: options.fetch,
    credentials: hasCookies ? 'include' : undefined,
    signal,
  })
  try {
    for (;;) {
      const step: IteratorResult<Frame, StreamEnd> = await frames.next()
      if (step.done) return step.value
      const { event, id, data } = step.value
      if (event === 'connected') {
        pause.connected()
        onState?.({ state: 'pending', error: null })
      } else pause.lives()
      if (event !== 'message') continue
      const value = decode(data)
      common.lastEventId = id ?? common.lastEventId
      yield { id, data: value }
    }
  } finally {
    await frames.return({ isOver: true, retryMs: undefined })
  }
}

/** What made a connection fail, if that passes by itself; throws it if it does not. */
async function passing(cause: unknown, { options, access, pause }: Common): Promise<CallError> {
  const error = toCallError(cause, 'query')
  if (options.retry === false) throw error
  if (error.reason === 'UNAUTHENTICATED') {
    const next = await access.renew().catch((failed: unknown) => toCallError(failed, 'query'))
    if (next === true && pause.renewed()) return error
    if (typeof next === 'boolean') throw error
    if (!next.retryable) throw next
    pause.failed(next.retryAfterMs)
    return next
  }
  const { status, retryAfterMs } = foreignAnswer(cause)
  const isProxys = error.reason === 'BAD_RESPONSE' && PASSING.has(status ?? 0)
  if (!error.retryable && !isProxys) throw error
  pause.failed(error.retryAfterMs ?? retryAfterMs)
  return error
}

/** As tRPC merges it: the server finds it in the input. */
function withLastEventId(input: unknown, lastEventId: string | undefined): unknown {
  if (lastEventId === undefined) return input
  if (input === undefined || input === null) return { lastEventId }
  return typeof input === 'object' ? { ...input, lastEventId } : input
}

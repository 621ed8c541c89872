import { commonErrors } from '@tautline/shared'

import type { ClientOptions } from './client-options.ts'
import { createClient } from './create-client.ts'

interface Types {
  input: { id: string; lastEventId?: string }
  output: AsyncIterable<unknown>
  errorShape: unknown
}

interface Router {
  _def: {
    record: {
      notes: { watch: { _def: { procedure: true; type: 'subscription'; $types: Types } } }
    }
  }
}

/** What becomes of one connection: what it brings, and how it ends. */
export type Fate = 'unreachable' | 'mute' | Answer | Stream

interface Answer {
  readonly status: number
  readonly body?: string | ReadableStream
  readonly headers?: Readonly<Record<string, string>>
}

interface Stream {
  /** Numbers of events; each has its number as id. */
  readonly events?: readonly number[]
  /** What stands behind them; default: the connection breaks. */
  readonly ends?: 'return' | 'silence' | 'end' | { readonly with: string }
  /** What a silence means to the server, in milliseconds. */
  readonly silenceMs?: number
}

/** One request for a stream. */
export interface Asked {
  readonly lastEventId: string | undefined
  readonly authorization: string | null
  readonly method: string
  /** By `performance.now()`. */
  readonly at: number
}

export const refusal = (reason: keyof typeof commonErrors, retryAfterMs?: number) => {
  const { message, retryable } = commonErrors[reason]
  const data = { reason, requestId: 'r', retryable, ...(retryAfterMs && { retryAfterMs }) }
  return JSON.stringify({ json: { message, code: -32_000, data } })
}

/** A refusal in a stream, as servers tell it. */
export const refused = (...how: Parameters<typeof refusal>): Stream => ({
  ends: { with: `event: serialized-error\ndata: ${refusal(...how)}\n\n` },
})

type Given<Options> = Options extends unknown ? Omit<Options, 'url' | 'fetch'> : never

/** A client over a network that takes what becomes of its connections from a list. */
export function watcherOver(fates: Fate[], options: Given<ClientOptions> = {}) {
  const asked: Asked[] = []
  const left: number[] = []
  const counts = { pulled: 0 }

  async function fetch(url: unknown, init: RequestInit = {}): Promise<Response> {
    const { searchParams } = new URL(String(url))
    const text = typeof init.body === 'string' ? init.body : searchParams.get('input')
    // oxlint-disable-next-line typescript/consistent-type-assertions -- this client has sent it
    const { json } = JSON.parse(text ?? '') as { json: Types['input'] }
    asked.push({
      lastEventId: json.lastEventId,
      authorization: new Headers(init.headers).get('authorization'),
      method: init.method ?? 'GET',
      at: performance.now(),
    })
    const number = asked.length
    init.signal?.addEventListener('abort', () => left.push(number), { once: true })
    const fate = fates.shift() ?? { ends: 'return' }
    if (fate === 'unreachable') {
      const cause = Object.assign(new Error(), { code: 'ECONNREFUSED' })
      throw new TypeError('fetch failed', { cause })
    }
    if (fate === 'mute') return new Promise(() => {})
    if ('status' in fate) return new Response(fate.body ?? '<h1>No</h1>', fate)
    return new Response(
      bodyOf(fate, () => counts.pulled++),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  }

  const client = createClient<Router>({ url: 'http://localhost/rpc', fetch, ...options })
  return { watch: client.notes.watch, asked, left, counts }
}

const endings = { return: 'event: return\ndata: \n\n', silence: '', end: '' }

function bodyOf({ events = [], ends, silenceMs = 1_000 }: Stream, onPull: () => void) {
  const last = typeof ends === 'object' ? ends.with : ends && endings[ends]
  const pieces = [
    `event: connected\ndata: {"reconnectAfterInactivityMs":${silenceMs}}\n\n`,
    ...events.map((n) => `data: {"json":${n}}\nid: ${n}\n\n`),
    ...(last ? [last] : []),
  ]
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      onPull()
      const piece = pieces.shift()
      if (piece !== undefined) return controller.enqueue(encoder.encode(piece))
      if (ends === 'silence') return new Promise(() => {})
      if (ends === undefined) return controller.error(new TypeError('terminated'))
      controller.close()
    },
  })
}

import { commonErrors } from '@tautline/shared'

import type { ClientOptions } from './client-options.ts'
import { createClient } from './create-client.ts'

interface Types<Output> {
  input: void
  output: Output
  errorShape: unknown
}

interface Procedure<Kind extends string, Output> {
  _def: { procedure: true; type: Kind; $types: Types<Output> }
}

interface Router {
  _def: {
    record: {
      notes: { read: Procedure<'query', string>; write: Procedure<'mutation', string> }
    }
  }
}

/** What the network does with one request. */
export type Fate = 'done' | 'unreachable' | 'lost' | 'silent' | Refusal | Foreign

export interface Refusal {
  readonly reason: keyof typeof commonErrors
  readonly retryAfterMs?: number
}

/** An answer of somebody else, such as a proxy. */
export interface Foreign {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Default a page of HTML. */
  readonly body?: string
}

export interface SentRequest {
  readonly method: string
  readonly deadlineMs: number
  readonly key: string | null
  readonly authorization: string | null
  /** When it was sent, by `performance.now()`. */
  readonly at: number
}

const ABORTED = new DOMException('It was aborted.', 'AbortError')

type Given<Options> = Options extends unknown ? Omit<Options, 'url' | 'fetch'> : never

/** A client over a network that takes what becomes of its requests from a list; after that, all goes well. */
export function clientOver(fates: Fate[], options: Given<ClientOptions> = {}) {
  const requests: SentRequest[] = []

  async function fetch(url: unknown, init: RequestInit = {}): Promise<Response> {
    init.signal?.throwIfAborted()
    const headers = new Headers(init.headers)
    requests.push({
      method: init.method ?? 'GET',
      deadlineMs: Number(headers.get('x-deadline-ms')),
      key: headers.get('idempotency-key'),
      authorization: headers.get('authorization'),
      at: performance.now(),
    })
    const fate = fates.shift() ?? 'done'
    if (fate === 'unreachable') {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
      })
    }
    if (fate === 'lost') throw new TypeError('fetch failed')
    if (fate === 'silent') return silence(init.signal)
    if (typeof fate === 'object' && 'status' in fate) {
      return new Response(fate.body ?? '<h1>No</h1>', fate)
    }
    const answer = fate === 'done' ? { result: { data: { json: 'done' } } } : refusal(fate)
    const paths = new URL(String(url)).pathname.split(',')
    return Response.json(init.method === 'GET' ? paths.map(() => answer) : answer)
  }

  const client = createClient<Router>({ url: 'http://localhost', fetch, ...options })
  return { client, notes: client.notes, requests }
}

function silence(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(ABORTED), { once: true })
  })
}

function refusal({ reason, retryAfterMs }: Refusal) {
  const { message, retryable } = commonErrors[reason]
  const data = { reason, requestId: 'r', retryable, ...(retryAfterMs && { retryAfterMs }) }
  return { error: { json: { message, code: -32_000, data } } }
}

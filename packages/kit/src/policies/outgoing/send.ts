import type { Agent, Dispatcher } from 'undici'

import { Failure, isFailure, parseRetryAfter } from '@tautline/shared'

import type { Clock } from '../../platform/clock.ts'
import { ACCEPT_ENCODING, readBody } from './body.ts'
import { countChange } from './count-change.ts'
import type { Deadline } from './deadline.ts'
import { UPSTREAM_STATUS } from './failures.ts'
import type { Hop } from './hop.ts'
import { NotAdmittedError, type Host } from './hosts.ts'
import { toFailure } from './to-failure.ts'

/** An answer with status 2xx. */
export interface OutgoingResponse {
  readonly status: number
  /** Names in lower case; of a repeated one the first value. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, decompressed. */
  readonly bytes: Uint8Array
}

/** An answer that says to ask elsewhere. */
export interface Redirect {
  readonly status: number
  readonly location: string
}

export interface SendOptions {
  readonly agent: Agent
  readonly clock: Clock
  readonly host: Host
  readonly deadline: Deadline
  readonly isIdempotent: boolean
  readonly maxBytes: number
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** How much of an answer that nobody wants is read, to keep its connection. */
const DUMP_BYTES = 16_384

/**
 * One request over one connection of its host, until its body is read. Throws `UPSTREAM_STATUS` for
 * any status that is neither 2xx nor a redirect.
 */
export async function send(hop: Hop, options: SendOptions): Promise<OutgoingResponse | Redirect> {
  const { host, deadline } = options
  const leave = await host.enter(deadline.signal)
  try {
    const answer = await countChange(hop.method, () => exchange(hop, options))
    host.record('success')
    return answer
  } catch (error) {
    const failure = toFailure(error, { ...options, signal: deadline.signal })
    const result = resultOf(failure, deadline)
    if (result) host.record(result)
    throw failure
  } finally {
    leave()
  }
}

async function exchange(hop: Hop, options: SendOptions): Promise<OutgoingResponse | Redirect> {
  const { url, method, body } = hop
  const { agent, deadline, maxBytes } = options
  const response = await agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: { ...hop.headers, 'accept-encoding': ACCEPT_ENCODING },
    body: body ?? null,
    signal: deadline.signal,
  })
  response.body.on('error', () => {}) // who reads it meets it; destroyed unread, it would be uncaught
  const { statusCode: status } = response
  const headers = flat(response.headers)
  if (status >= 200 && status < 300) {
    const hasBody = method !== 'HEAD' && status !== 204 && headers['content-length'] !== '0'
    const encoding = hasBody ? (headers['content-encoding'] ?? '') : ''
    return { status, headers, bytes: await readBody(response.body, { encoding, maxBytes }) }
  }
  await dump(response)
  if (REDIRECTS.has(status) && headers.location !== undefined) {
    return { status, location: headers.location }
  }
  const retryAfterMs = parseRetryAfter(headers['retry-after'], options.clock.now().getTime())
  throw new Failure(UPSTREAM_STATUS, {
    data: { status },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) => {
    const first = Array.isArray(value) ? value[0] : value
    return first === undefined ? [] : [[name, first] as const]
  })
  return Object.fromEntries(entries)
}

/** Destroys the connection of a body that is larger. */
async function dump({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: DUMP_BYTES }).catch(() => {}) // the status has been told
}

/** Statuses that are worth another attempt, when the request may be made twice. */
const RETRYABLE_STATUSES = new Set([408, 429, 502, 503, 504])

/** Whether to ask again may help. `failure` is what `send` has thrown. */
export function isWorthRetrying(failure: Failure): boolean {
  if (failure.details.cause instanceof NotAdmittedError) return false
  const status = statusOf(failure)
  return status === undefined ? failure.definition.retryable : RETRYABLE_STATUSES.has(status)
}

function statusOf(failure: Failure): number | undefined {
  if (failure.definition !== UPSTREAM_STATUS) return undefined
  return UPSTREAM_STATUS.data?.parse(failure.details.data).status
}

const SILENCE: readonly string[] = [
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_OUTCOME_UNKNOWN',
]

/**
 * What a failure says about its host. It is to blame for its silence and its 5xx; what we refuse,
 * or give up for reasons of our own, says nothing.
 */
function resultOf(failure: unknown, deadline: Deadline): 'success' | 'failure' | undefined {
  if (!isFailure(failure)) return undefined
  const status = statusOf(failure)
  if (status !== undefined) return status < 500 ? 'success' : 'failure'
  if (deadline.signal.aborted && !deadline.isOwn) return undefined
  return SILENCE.includes(failure.reason) ? 'failure' : undefined
}

/**
 * Why Redis did nothing for us: `away` is not connected or not asked, because it failed too often;
 * `busy` is too much under way already; `timeout` and `broken` may have done it all the same;
 * `refused` is an answer that no write is taken now (read-only, out of memory, forbidden).
 */
export type RedisFailure = 'away' | 'busy' | 'timeout' | 'broken' | 'refused'

/** Redis cannot be had for this. Every mechanism that uses it has a way without. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
  readonly failure: RedisFailure

  constructor(failure: RedisFailure, options?: ErrorOptions) {
    super(`Redis is not available: ${failure}.`, options)
    this.failure = failure
  }
}

/** Replies that refuse a write and say nothing against the connection. */
const REFUSALS = new Set(['OOM', 'READONLY', 'MISCONF', 'NOREPLICAS', 'NOPERM'])

/** Replies of a server that serves nobody for now. */
const NOT_SERVING = new Set(['LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'BUSY', 'NOAUTH'])

/** What ioredis rejects commands with when their connection breaks. */
const BROKEN =
  /^(Connection is closed|Stream isn't writeable|Command aborted|Command timed out|Reached the max retries)/

/**
 * What an error of a command means for whoever sent it; undefined for one that is their own
 * mistake.
 */
export function failureOf(error: unknown): RedisFailure | undefined {
  if (error instanceof RedisUnavailableError) return error.failure
  if (!(error instanceof Error)) return undefined
  if (error.name === 'ReplyError') {
    const code = replyCode(error)
    if (REFUSALS.has(code)) return 'refused'
    return NOT_SERVING.has(code) ? 'broken' : undefined
  }
  return BROKEN.test(error.message) || 'syscall' in error ? 'broken' : undefined
}

/** The first word of an error reply: `WRONGTYPE`, `NOSCRIPT`; empty for any other error. */
export function replyCode(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return ''
  return error.message.split(' ', 1)[0] ?? ''
}

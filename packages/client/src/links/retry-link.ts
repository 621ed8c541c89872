import type { Operation, TRPCLink } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { createRetryBudget, retry, type Retryable } from '@tautline/shared'

import { callOf, leavesUnknown, type RunningCall } from '../running-call.ts'
import { foreignAnswer, toCallError } from '../to-call-error.ts'
import { promiseLink, send, type Next } from './promise-link.ts'

/** Bounds of the random waits, in milliseconds. */
const BACKOFF = { baseMs: 100, capMs: 5_000 }

/** Most procedures that are known to take no key; the one known for longest is forgotten first. */
const MAX_KEYLESS = 1_000

/** What a proxy says in the place of a server that is not there, or is too slow. */
const GATEWAY = new Set([502, 503, 504])

export interface RetryLinkOptions {
  /** Attempts of one call at most, the first one included. */
  readonly maxAttempts: number
}

/**
 * Makes a call again where that cannot do harm: a query; a mutation with its idempotency key; one
 * without, if it certainly did not reach the server, or was refused with nothing changed. All calls
 * of a client share one budget, and no wait reaches a call's deadline.
 *
 * It stands below the session: so all attempts of a call go as the same user, under whom its key is
 * known, and a refresh that fails is not repeated for each of them.
 */
export function retryLink({ maxAttempts }: RetryLinkOptions): TRPCLink<AnyTRPCRouter> {
  const budget = createRetryBudget()
  const keyless = createKeyless()

  async function attempt(op: Operation, next: Next) {
    const call = callOf(op)
    call.attempts++
    if (!call.isCallersKey && !call.isUnknown && keyless.has(op.path)) call.isKeyed = false
    try {
      return await sendOnce(op, next)
    } catch (error) {
      if (!learns(op, toCallError(error, call.kind).reason)) throw error
      return sendOnce(op, next)
    }
  }

  /** Whether the server has told, before it did anything, that the call goes the other way. */
  function learns({ path, context }: Operation, reason: string): boolean {
    const call = callOf({ context })
    if (call.isCallersKey || call.key === undefined) return false
    if (reason === 'KEY_REQUIRED') keyless.delete(path)
    else if (reason === 'KEY_NOT_SUPPORTED') keyless.add(path)
    else return false
    // An attempt may have been lost on a server of another release, which does take keys.
    if (call.isUnknown) return false
    call.isKeyed = reason === 'KEY_REQUIRED'
    return true
  }

  return promiseLink((op, next) => {
    const call = callOf(op)
    return retry(() => attempt(op, next), {
      ...BACKOFF,
      // What a session makes again with a new token is still the same call.
      maxAttempts: Math.max(1, maxAttempts - call.attempts),
      budget,
      signal: call.signal,
      remainingMs: () => call.remainingMs(),
      isRetryable: (error) => isRetryable(error, call),
    })
  })
}

async function sendOnce(op: Operation, next: Next) {
  const call = callOf(op)
  try {
    return await send(op, next)
  } catch (error) {
    call.failed(toCallError(error, call.kind))
    throw error
  }
}

function isRetryable(error: unknown, call: RunningCall): false | Retryable {
  if (call.signal.aborted) return false
  const { reason, retryable, retryAfterMs } = toCallError(error, call.kind)
  const foreign = foreignAnswer(error)
  const isFromGateway = reason === 'BAD_RESPONSE' && GATEWAY.has(foreign.status ?? 0)
  const again = leavesUnknown(reason)
    ? call.isKeyed
    : retryable || (call.kind === 'query' && isFromGateway)
  return again && { retryAfterMs: retryAfterMs ?? foreign.retryAfterMs }
}

/** Paths of procedures that take no idempotency key. */
function createKeyless() {
  const paths = new Set<string>()
  return {
    has: (path: string) => paths.has(path),
    delete: (path: string) => paths.delete(path),
    add(path: string) {
      const [oldest] = paths
      if (paths.size >= MAX_KEYLESS && oldest !== undefined) paths.delete(oldest)
      paths.add(path)
    },
  }
}

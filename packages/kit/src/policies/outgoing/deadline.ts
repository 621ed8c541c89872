import { Failure } from '@tautline/shared'

import { currentCall } from '../../platform/call-scope.ts'
import { UPSTREAM_TIMEOUT } from './failures.ts'

/** How long one outgoing call may go on, and who may end it earlier. */
export interface Deadline extends Disposable {
  /** Aborts with `UPSTREAM_TIMEOUT`, or with the reason of whoever gave the call up. */
  readonly signal: AbortSignal
  readonly remainingMs: () => number
  /** Whether it is the call's own time limit that ends it, and not what was left of a larger one. */
  readonly isOwn: boolean
}

/** What is left for us to answer in when the other side has used up its time, in milliseconds. */
const RESERVE_MS = 50

/** The smaller of `timeoutMs` and what the running call has left; ended by its signal, and `signal`. */
export function startDeadline(timeoutMs: number, signal: AbortSignal | undefined): Deadline {
  const call = currentCall()
  const startedAt = performance.now()
  const callEndsAt = (call?.deadlineAt ?? Infinity) - RESERVE_MS
  const endsAt = Math.min(startedAt + timeoutMs, callEndsAt)
  const controller = new AbortController()
  const expire = () => controller.abort(new Failure(UPSTREAM_TIMEOUT))
  const timer = setTimeout(expire, Math.max(0, endsAt - startedAt))
  const ends = [call?.signal, signal].filter((given) => given !== undefined).map(follow)

  function follow(given: AbortSignal): () => void {
    const abort = () => controller.abort(given.reason)
    if (given.aborted) abort()
    given.addEventListener('abort', abort, { once: true })
    return () => given.removeEventListener('abort', abort)
  }

  return {
    signal: controller.signal,
    remainingMs: () => endsAt - performance.now(),
    isOwn: endsAt < callEndsAt,
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const end of ends) end()
    },
  }
}

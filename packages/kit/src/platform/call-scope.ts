import { AsyncLocalStorage } from 'node:async_hooks'

/** What is known about the HTTP request that is being served. */
export interface RequestScope {
  readonly requestId: string
}

/**
 * What is known about the procedure call that is running, wherever in its code we are. It is how
 * a query, deep below the handler, finds the signal that cancels it and the account it is charged
 * to, without every function passing both along.
 */
export interface CallScope extends RequestScope {
  readonly procedure: string
  /** Whether the call may change anything. */
  readonly kind: 'query' | 'mutation' | 'subscription'
  /** Aborts when the caller has gone or the call's time is up; its reason is a `Failure`. */
  readonly signal: AbortSignal
  /** Where the time went so far. */
  readonly spent: { queries: number; queryMs: number; waitMs: number }
  /** Commits sent that did not certainly fail: beyond 0, nobody may say that nothing was changed. */
  changes: number
}

const storage = new AsyncLocalStorage<RequestScope | CallScope>()

/** Runs `run` as part of the request or call. */
export function within<T>(scope: RequestScope | CallScope, run: () => T): T {
  return storage.run(scope, run)
}

/** The call that is running here, if there is one. */
export function currentCall(): CallScope | undefined {
  const scope = storage.getStore()
  return scope && 'procedure' in scope ? scope : undefined
}

/** What stands for a request id where no request is served. */
export const NO_REQUEST = '-'

/** The id of the request that is served here, or `NO_REQUEST`. */
export function currentRequestId(): string {
  return storage.getStore()?.requestId ?? NO_REQUEST
}

/** Runs `run` as work of our own, under a name and a deadline in milliseconds. */
export function withDeadline<T>(procedure: string, timeoutMs: number, run: () => T): T {
  const scope: CallScope = {
    requestId: currentRequestId(),
    procedure,
    kind: 'query',
    signal: AbortSignal.timeout(timeoutMs),
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  return storage.run(scope, run)
}

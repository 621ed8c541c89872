import { AsyncLocalStorage } from 'node:async_hooks'

import type { SlotSource } from './slots.ts'

/** What is known about the HTTP request that is being served. */
export interface RequestScope {
  readonly requestId: string
}

/** What a call may ask of the database. */
export interface QueryBudget {
  /** Told of each statement before it waits for anything. Throws for one too many, where that fails. */
  countStatement(): void
  /** Told how long a statement took, in milliseconds. */
  countTime(ms: number): void
  /** Gives all of it again, to a transaction that is tried again. */
  renew(): void
  /**
   * A whole budget for work that may outlast the call. What that asks is charged to the call as well,
   * for as long as the call runs.
   */
  fork(): QueryBudget
  /** Counts an overrun and says it, once the work has ended. Returns it where it fails the work. */
  end(): Error | undefined
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
  /** When the call's time is up, on the scale of `performance.now()`; absent where it has no end. */
  readonly deadlineAt?: number | undefined
  /** Where the time went so far. */
  readonly spent: { queries: number; queryMs: number; waitMs: number; cacheMs?: number }
  /** Absent where nobody counts. */
  readonly budget?: QueryBudget | undefined
  /**
   * The slot that the call holds while it holds connections; only so many calls of one request do at
   * the same time. Absent: without a bound.
   */
  readonly connections?: SlotSource | undefined
  /**
   * Commits, and requests to other services that may do something, that were sent and did not
   * certainly fail: beyond 0, nobody may say that nothing was changed.
   */
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
    deadlineAt: performance.now() + timeoutMs,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  return storage.run(scope, run)
}

/**
 * Runs statements of this library's own as part of the call, but not on the budget of its queries,
 * which is for what its handler asks. What they change for good is a change of the call all the same.
 */
export function offBudget<T>(run: () => T): T {
  const call = currentCall()
  if (!call?.budget) return run()
  const unbudgeted: CallScope = {
    ...call,
    budget: undefined,
    get changes() {
      return call.changes
    },
    set changes(count) {
      call.changes = count
    },
  }
  return storage.run(unbudgeted, run)
}

const transactions = new AsyncLocalStorage<true>()

/** Runs `run` as what a database transaction waits for. */
export function withinTransaction<T>(run: () => T): T {
  return transactions.run(true, run)
}

/** Whether a transaction, with its connection and its locks, waits for the code that runs. */
export function isWithinTransaction(): boolean {
  return transactions.getStore() ?? false
}

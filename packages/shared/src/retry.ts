import { backoffMs, type BackoffOptions } from './backoff.ts'
import { sleep } from './sleep.ts'

/** What a retry may cost all who share it: see `createRetryBudget`. */
export interface RetryBudget {
  /** Whether another attempt is affordable now. */
  affords(): boolean
  /** Tells that an attempt has failed in a way that is worth another one. */
  failed(): void
  /** Tells that an attempt has succeeded. */
  succeeded(): void
}

/** A success pays for a tenth of a failure. */
const REFUND = 0.1

/**
 * A token budget, shared by the calls to one host, so that retries cannot multiply the load on
 * what is failing: a failure costs a token, a success gives a tenth back, and there are no retries
 * while half of the tokens or fewer are left (gRPC A6, "Retry Throttling"). Default 10 tokens.
 */
export function createRetryBudget(options: { readonly tokens?: number } = {}): RetryBudget {
  const { tokens = 10 } = options
  let left = tokens
  return {
    affords: () => left > tokens / 2,
    failed() {
      left = Math.max(0, left - 1)
    },
    succeeded() {
      left = Math.min(tokens, left + REFUND)
    },
  }
}

/** What is known about an attempt that may be made again. */
export interface Retryable {
  /** The wait that the other side asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

export interface RetryOptions extends BackoffOptions {
  /** Attempts at most, the first one included. Default 3. */
  readonly maxAttempts?: number
  readonly budget?: RetryBudget
  /** Ends a wait at once, with its reason. */
  readonly signal?: AbortSignal
  /** Milliseconds until the deadline: a wait that would reach it is not begun. Default: no deadline. */
  readonly remainingMs?: () => number
  /** Whether an error is worth another attempt: only what may be done twice ever is. */
  readonly isRetryable: (error: unknown) => false | Retryable
  /** How to wait. Default `sleep`. */
  readonly wait?: typeof sleep
}

const MAX_ATTEMPTS = 3

/** What is added to a wait that was asked for, at most: those who were told the same come apart. */
const RETRY_AFTER_JITTER = 0.2

/**
 * Runs `attempt` (told its number, from 0) until it succeeds or no retry makes sense. Waits with
 * full jitter, or as long as the other side has asked for, plus up to 20 %. Throws the last error
 * as it is, or the signal's reason when that ends a wait.
 */
export async function retry<T>(
  attempt: (number: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { maxAttempts = MAX_ATTEMPTS, budget, signal, remainingMs, wait = sleep } = options
  for (let number = 0; ; number++) {
    try {
      const result = await attempt(number)
      budget?.succeeded()
      return result
    } catch (error) {
      const retryable = options.isRetryable(error)
      if (!retryable) throw error
      budget?.failed()
      if (number + 1 >= maxAttempts || (budget && !budget.affords())) throw error
      const waitMs = waitFor(number, retryable, options)
      if (remainingMs && waitMs >= remainingMs()) throw error
      await wait(waitMs, signal ? { signal } : {})
    }
  }
}

function waitFor(number: number, { retryAfterMs }: Retryable, options: RetryOptions): number {
  if (retryAfterMs === undefined || retryAfterMs <= 0) return backoffMs(number, options)
  const { random = Math.random } = options
  return retryAfterMs * (1 + RETRY_AFTER_JITTER * random())
}

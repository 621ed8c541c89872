/** Failures one after the other that open it. */
const FAILURES_IN_A_ROW = 5

/** Results that the share is taken of: the last so many. */
const WINDOW = 20

/** Share of failures that opens it, once the window is full. */
const FAILURE_SHARE = 0.5

/** Tells when something has failed so often that asking it again only costs time. */
export interface Breaker {
  readonly isOpen: boolean
  record(result: 'success' | 'failure'): void
  /** Closes it, and forgets what was. */
  reset(): void
}

/**
 * Opens after 5 failures in a row, or when half of the last 20 results are failures. It stays open
 * until `reset`: whoever owns it finds out, by a probe of its own, when that is.
 */
export function createBreaker(): Breaker {
  let results: boolean[] = [] // the last ones, oldest first; true is a failure
  let isOpen = false

  function shouldOpen(): boolean {
    const latest = results.slice(-FAILURES_IN_A_ROW)
    if (latest.length === FAILURES_IN_A_ROW && latest.every(Boolean)) return true
    return results.length === WINDOW && results.filter(Boolean).length >= WINDOW * FAILURE_SHARE
  }

  return {
    get isOpen() {
      return isOpen
    },
    record(result) {
      results.push(result === 'failure')
      if (results.length > WINDOW) results.shift()
      if (result === 'failure' && shouldOpen()) isOpen = true
    },
    reset() {
      results = []
      isOpen = false
    },
  }
}

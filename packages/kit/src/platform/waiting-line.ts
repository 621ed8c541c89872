/** How long somebody waits, and for how much. */
export interface Wait {
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Longest wait, in milliseconds. Default: no end of its own. */
  readonly timeoutMs?: number
  /** How much is waited for, in places. Default 1. */
  readonly size?: number
}

/** How a wait ended that nobody aborted. Whoever was called has what was waited for. */
export type WaitEnd = 'called' | 'dismissed' | 'expired'

/** Those who wait for a place, in the order in which they came. */
export interface WaitingLine {
  /** How many wait. */
  readonly length: number
  /** How many places they wait for together. */
  readonly size: number
  /** How many places the first one waits for; undefined when nobody waits. */
  readonly firstSize: number | undefined
  /** Joins at the end. The caller sees to the bound, by `length`. */
  join(wait: Wait): Promise<WaitEnd>
  /**
   * Calls the first one up, or sends it away. False when nobody waits. It has left the line when
   * this returns, so that a place is handed over and never given twice, nor lost.
   */
  end(how: 'called' | 'dismissed'): boolean
}

interface Waiter {
  readonly size: number
  readonly settle: (end: WaitEnd) => void
}

/** A line that nobody waits in holds no timer and no listener. */
export function createWaitingLine(): WaitingLine {
  // A set keeps the order, and lets go of one in the middle at once.
  const waiters = new Set<Waiter>()
  let size = 0

  function leave(waiter: Waiter): void {
    if (waiters.delete(waiter)) size -= waiter.size
  }

  function first(): Waiter | undefined {
    for (const waiter of waiters) return waiter
    return undefined
  }

  return {
    get length() {
      return waiters.size
    },
    get size() {
      return size
    },
    get firstSize() {
      return first()?.size
    },
    join({ signal, timeoutMs, size: own = 1 }) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const timer =
          timeoutMs === undefined ? undefined : setTimeout(() => settle('expired'), timeoutMs)
        const waiter: Waiter = { size: own, settle }
        function part() {
          leave(waiter)
          clearTimeout(timer)
          signal?.removeEventListener('abort', abort)
        }
        function settle(end: WaitEnd) {
          part()
          resolve(end)
        }
        function abort() {
          part()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
        waiters.add(waiter)
        size += own
      })
    },
    end(how) {
      const waiter = first()
      waiter?.settle(how)
      return waiter !== undefined
    },
  }
}

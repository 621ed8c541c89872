import { commonErrors, Failure } from '@tautline/kit'

/** Before the next try where there was no room, in milliseconds. */
const RETRY_AFTER_MS = 2_000

/** What may be under way at the same time, and how many may wait for it. */
export interface TurnLimits {
  readonly atOnce: number
  readonly waiting: number
}

export interface Turns {
  /**
   * Does work when it is its turn: first come, first served. Throws `OVERLOADED` where too many are
   * waiting, and the reason of the signal to who waits.
   */
  take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function createTurns(limits: TurnLimits): Turns {
  const line = new Set<() => void>()
  let taken = 0

  async function join(signal: AbortSignal): Promise<void> {
    if (line.size === limits.waiting) {
      throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      line.delete(resolve) // now: a turn that ends in this moment goes to somebody who is there
      reject(signal.reason)
    }
    line.add(resolve)
    signal.addEventListener('abort', leave, { once: true })
    try {
      await promise
    } finally {
      line.delete(resolve)
      signal.removeEventListener('abort', leave)
    }
  }

  /** Hands a turn to the next, or leaves it free. */
  function end(): void {
    const [next] = line
    if (!next) return void taken--
    line.delete(next)
    next()
  }

  return {
    async take(signal, work) {
      signal.throwIfAborted()
      if (taken === limits.atOnce) await join(signal)
      else taken++
      try {
        return await work()
      } finally {
        end()
      }
    },
  }
}

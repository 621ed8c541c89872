import { commonErrors, Failure } from '@tautline/shared'

import { createConcurrency } from './concurrency.ts'

/** How long a caller is asked to wait who has too many open, in milliseconds. */
const RETRY_AFTER_MS = 1_000

export interface PerCallerOptions {
  /** How many are open at the same time at most. */
  readonly max: number
  /** And of one caller. */
  readonly maxPerCaller: number
  /** How many of the last ones are only for callers who have none, so that no few have all. Default 0. */
  readonly keptForFirst?: number
}

/** Places for what has no end of its own, of which no caller takes all. */
export interface PerCaller {
  readonly open: number
  /** Throws `OVERLOADED` when too many are open, `RATE_LIMITED` when too many are this caller's. */
  readonly run: <T>(caller: string, work: () => Promise<T>) => Promise<T>
}

export function createPerCaller({
  max,
  maxPerCaller,
  keptForFirst = 0,
}: PerCallerOptions): PerCaller {
  const all = createConcurrency({ max, queue: 0 })
  const callers = new Map<string, number>()
  return {
    get open() {
      return all.running
    },
    async run(caller, work) {
      const others = callers.get(caller) ?? 0
      const isKept = others > 0 && all.running >= max - keptForFirst
      if (isKept || others >= maxPerCaller) {
        throw new Failure(commonErrors.RATE_LIMITED, { retryAfterMs: RETRY_AFTER_MS })
      }
      callers.set(caller, others + 1)
      try {
        return await all.run(work)
      } finally {
        const left = (callers.get(caller) ?? 1) - 1
        if (left > 0) callers.set(caller, left)
        else callers.delete(caller)
      }
    },
  }
}

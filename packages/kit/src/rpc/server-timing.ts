import type { CallScope } from '../platform/call-scope.ts'
import type { CacheState } from '../policies/cache/reader.ts'

/** What a call that has ended took. */
export interface CallTime {
  readonly spent: CallScope['spent']
  /** Where the answer of a cached query came from. */
  readonly cache: CacheState | undefined
  readonly durationMs: number
}

/** Where the time of one HTTP request went, summed over its calls, in milliseconds. */
export interface RequestTiming {
  /** Adds a call that has ended. */
  add(call: CallTime): void
  /** The value of a `Server-Timing` header, as of now. */
  header(): string
}

/**
 * Begins to count. `queue` is the wait for a connection, `db` what statements took, `cache` what
 * looking answers up took, and how that ended; `handler` is the rest of the calls. Calls of a batch
 * run side by side, so that these may add up to more than `total`. Whole milliseconds: finer ones
 * would tell apart, without the network's noise, what is made to take the same time for everybody.
 */
export function startTiming(): RequestTiming {
  const startedAt = performance.now()
  let [queueMs, dbMs, cacheMs, handlerMs] = [0, 0, 0, 0]
  const states = new Set<CacheState>()
  return {
    add({ spent, cache, durationMs }) {
      const { waitMs, queryMs, cacheMs: ownMs = 0 } = spent
      queueMs += waitMs
      dbMs += queryMs
      cacheMs += ownMs
      handlerMs += Math.max(0, durationMs - waitMs - queryMs - ownMs)
      if (cache) states.add(cache)
    },
    header() {
      const metrics = {
        queue: queueMs,
        db: dbMs,
        cache: cacheMs,
        handler: handlerMs,
        total: performance.now() - startedAt,
      }
      const described = states.size === 0 ? '' : `;desc="${[...states].join(' ')}"`
      return Object.entries(metrics)
        .map(([name, ms]) => `${name};dur=${Math.round(ms)}${name === 'cache' ? described : ''}`)
        .join(', ')
    },
  }
}

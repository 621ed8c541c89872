import type { CallScope } from '../platform/call-scope.ts'

/** Where the time of one HTTP request went, summed over its calls, in milliseconds. */
export interface RequestTiming {
  /** Adds a call that has ended. */
  add(spent: CallScope['spent'], durationMs: number): void
  /** The value of a `Server-Timing` header, as of now. */
  header(): string
}

/**
 * Begins to count. `queue` is the wait for a connection, `db` what statements took, `handler` the
 * rest of the calls; calls of a batch run side by side, so that these may add up to more than
 * `total`. Whole milliseconds: finer ones would tell apart, without the network's noise, what is
 * made to take the same time for everybody.
 */
export function startTiming(): RequestTiming {
  const startedAt = performance.now()
  let [queueMs, dbMs, handlerMs] = [0, 0, 0]
  return {
    add({ waitMs, queryMs }, durationMs) {
      queueMs += waitMs
      dbMs += queryMs
      handlerMs += Math.max(0, durationMs - waitMs - queryMs)
    },
    header() {
      const metrics = {
        queue: queueMs,
        db: dbMs,
        handler: handlerMs,
        total: performance.now() - startedAt,
      }
      return Object.entries(metrics)
        .map(([name, ms]) => `${name};dur=${Math.round(ms)}`)
        .join(', ')
    },
  }
}

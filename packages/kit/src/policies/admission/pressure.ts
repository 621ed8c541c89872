import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { Clock } from '../../platform/clock.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Pressure } from './limit.ts'

/** Between two samples of the event loop, in milliseconds. */
const RESOLUTION_MS = 10

/** What a measurement goes back to. */
const WINDOW_MS = 1_000

/** So that a second is told soon after its end, in milliseconds. */
const LOOK_EVERY_MS = 250

/** From here on the event loop was blocked, and not only busy, in milliseconds. */
const BLOCKED_MS = 100

/** Measures the pressure on this process. */
export interface PressureGauge {
  /** Counts a wait for a database connection, also one in vain, in milliseconds. */
  readonly countPoolWait: (ms: number) => void
  /** The last whole second. */
  read(): Pressure
  close(): void
}

export interface PressureParts {
  readonly clock: Clock
  readonly metrics: Metrics
}

/**
 * Counts `event_loop_delay_seconds` too: by how much the event loop was late at most, second by second,
 * also while nobody looks. A block of 100 ms and more is a `event_loop_blocked_total`.
 */
export function startPressureGauge({ clock, metrics }: PressureParts): PressureGauge {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  let startedAt = clock.now().getTime()
  let waits = { count: 0, sumMs: 0 }
  let last: Pressure = { loopDelayMs: 0, poolWaitMs: 0 }

  function read(): Pressure {
    const now = clock.now().getTime()
    if (now >= startedAt && now - startedAt < WINDOW_MS) return last
    startedAt = now
    last = {
      loopDelayMs: delayOf(loop, loop.percentile(99)),
      poolWaitMs: waits.count === 0 ? 0 : waits.sumMs / waits.count,
    }
    tell(metrics, delayOf(loop, loop.max))
    loop.reset()
    waits = { count: 0, sumMs: 0 }
    return last
  }

  const timer = setInterval(read, LOOK_EVERY_MS).unref()
  return {
    countPoolWait(ms) {
      waits.count++
      waits.sumMs += ms
    },
    read,
    close() {
      clearInterval(timer)
      loop.disable()
    },
  }
}

/** Node counts the whole time between two samples, in nanoseconds, and NaN or 0 before the first. */
function delayOf({ count }: { readonly count: number }, sampleNs: number): number {
  return count === 0 ? 0 : Math.max(0, sampleNs / 1e6 - RESOLUTION_MS)
}

function tell(metrics: Metrics, delayMs: number): void {
  metrics.observe('event_loop_delay_seconds', delayMs / 1_000)
  if (delayMs >= BLOCKED_MS) metrics.count('event_loop_blocked_total')
}

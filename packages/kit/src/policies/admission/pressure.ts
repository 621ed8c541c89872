import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { Clock } from '../../platform/clock.ts'
import type { Pressure } from './limit.ts'

/** Between two samples of the event loop, in milliseconds. */
const RESOLUTION_MS = 10

/** What a measurement goes back to. */
const WINDOW_MS = 1_000

/** Measures the pressure on this process. */
export interface PressureGauge {
  /** Counts a wait for a database connection, also one in vain, in milliseconds. */
  readonly countPoolWait: (ms: number) => void
  /** The last whole second, or all the time since somebody last looked. */
  read(): Pressure
  close(): void
}

export function startPressureGauge(clock: Clock): PressureGauge {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  let startedAt = clock.now().getTime()
  let waits = { count: 0, sumMs: 0 }
  let last: Pressure = { loopDelayMs: 0, poolWaitMs: 0 }

  return {
    countPoolWait(ms) {
      waits.count++
      waits.sumMs += ms
    },
    read() {
      const now = clock.now().getTime()
      if (now >= startedAt && now - startedAt < WINDOW_MS) return last
      startedAt = now
      // Node counts the whole time between two samples, and NaN or 0 before the first.
      const sampleMs = loop.count === 0 ? RESOLUTION_MS : loop.percentile(99) / 1e6
      last = {
        loopDelayMs: Math.max(0, sampleMs - RESOLUTION_MS),
        poolWaitMs: waits.count === 0 ? 0 : waits.sumMs / waits.count,
      }
      loop.reset()
      waits = { count: 0, sumMs: 0 }
      return last
    },
    close: () => loop.disable(),
  }
}

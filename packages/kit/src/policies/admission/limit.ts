import type { Clock } from '../../platform/clock.ts'

/** How hard it is for this process to keep up, over the last second. */
export interface Pressure {
  /** By how much timers came late, 99th percentile, in milliseconds. */
  readonly loopDelayMs: number
  /** Wait for a database connection, mean, in milliseconds. */
  readonly poolWaitMs: number
}

const TOO_MUCH: Pressure = { loopDelayMs: 150, poolWaitMs: 100 }

/** As often as the pressure is measured anew: nothing is held against anybody twice. */
const CHECK_EVERY_MS = 1_000

/** Share of the maximum that comes back in each second without pressure. */
const RECOVERY_PER_SECOND = 0.1

/** The least that is left of the maximum. */
const FLOOR = 1 / 8

export interface Limit {
  /** How many may run now; not a whole number. */
  readonly value: number
  /** Takes the pressure into account, at most once a second. */
  readonly update: () => void
}

interface LimitOptions {
  readonly max: number
  readonly clock: Clock
  readonly pressure: () => Pressure
}

/**
 * Halved by pressure, down to an eighth, and grown back a little at a time: what was too much is
 * left at once, and looked for again with care. Needs no timer; a longer pause counts as a whole.
 */
export function createLimit({ max, clock, pressure }: LimitOptions): Limit {
  let value = max
  let checkedAt = clock.now().getTime()
  return {
    get value() {
      return value
    },
    update() {
      const now = clock.now().getTime()
      const elapsedMs = now - checkedAt
      if (elapsedMs >= 0 && elapsedMs < CHECK_EVERY_MS) return
      checkedAt = now
      const { loopDelayMs, poolWaitMs } = pressure()
      if (loopDelayMs > TOO_MUCH.loopDelayMs || poolWaitMs > TOO_MUCH.poolWaitMs) {
        value = Math.max(max * FLOOR, value / 2)
      } else if (elapsedMs > 0) {
        value = Math.min(max, value + (max * RECOVERY_PER_SECOND * elapsedMs) / 1_000)
      }
    },
  }
}

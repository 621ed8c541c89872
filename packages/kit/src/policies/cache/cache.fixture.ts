import type { NotificationListener, Subscription } from '../../db/notifications.ts'
import { systemClock, type Clock } from '../../platform/clock.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createCache, type CacheOptions } from './cache.ts'
import type { Codec } from './reader.ts'

/** A time that stands still until it is told. */
export function createTestClock(): Clock & { advance(ms: number): void } {
  let now = Date.UTC(2026, 0, 1)
  return { now: () => new Date(now), advance: (ms) => void (now += ms) }
}

export const json: Codec<unknown> = {
  encode: (value) => JSON.stringify({ value }),
  decode(text) {
    const told: unknown = JSON.parse(text)
    return typeof told === 'object' && told !== null && 'value' in told ? told.value : undefined
  },
}

/** A cache of one process, and what it counts. */
export function openCache(options: Partial<CacheOptions> = {}) {
  const metrics = createMetrics()
  const cache = createCache({
    l1: { maxEntries: 1_000, maxBytes: 1_000_000 },
    metrics,
    clock: systemClock,
    random: () => 0.5, // no jitter
    ...options,
  })
  return { cache, metrics, [Symbol.dispose]: () => cache[Symbol.dispose]() }
}

/** A query that counts its runs, and answers with what `answer` makes of the count. */
export function countedQuery<T>(answer: (run: number, signal: AbortSignal) => T | Promise<T>) {
  let runs = 0
  return {
    get runs() {
      return runs
    },
    fill: async (signal: AbortSignal) => answer(++runs, signal),
  }
}

/** A bus of one process, whose state is told by hand. */
export function createHandBus() {
  const listeners = new Set<NotificationListener>()
  let state: Subscription['state'] = 'up'
  return {
    bus: {
      listen(_channel: string, listener: NotificationListener): Subscription {
        listeners.add(listener)
        return {
          get state() {
            return state
          },
          close: () => void listeners.delete(listener),
        }
      },
    },
    lose: () => void (state = 'down'),
    find() {
      for (const listener of listeners) listener.onUp()
      state = 'up'
    },
    tell(payload: string) {
      for (const listener of listeners) listener.onMessage(payload)
    },
  }
}

/** Waits until every read that was begun has come as far as it can by itself. */
export async function ticks(count = 5): Promise<void> {
  for (let tick = 0; tick < count; tick++) await new Promise(setImmediate)
}

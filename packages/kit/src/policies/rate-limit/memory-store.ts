import type { Metrics } from '../../platform/metrics.ts'
import { ask } from './gcra.ts'
import { toDemands, toVerdict, type RateLimitStore } from './rate-limit-store.ts'

/** Buckets kept at most. */
const MAX_BUCKETS = 100_000

/** Buckets that each call looks at, whether they are full again and need no keeping. */
const SWEEP = 8

export interface MemoryStoreOptions {
  readonly metrics: Metrics
  readonly maxBuckets?: number
}

/**
 * Buckets of this process. Its time only goes forward, whatever is done to the clock. Beyond
 * `maxBuckets` the one used longest ago goes, and is full when it comes back. The gauge
 * `rate_limit_buckets` tells how many there are.
 */
export function createMemoryStore({
  metrics,
  maxBuckets = MAX_BUCKETS,
}: MemoryStoreOptions): RateLimitStore {
  const fullAt = new Map<string, number>() // microseconds, in the order of the last use
  metrics.gauge('rate_limit_buckets', () => fullAt.size)

  function keep(key: string, fullAtUs: number): void {
    fullAt.delete(key)
    fullAt.set(key, fullAtUs)
  }

  function sweep(nowUs: number): void {
    let looked = 0
    for (const [key, fullAtUs] of fullAt) {
      const tooMany = fullAt.size > maxBuckets
      if (++looked > SWEEP && !tooMany) return
      if (tooMany || fullAtUs <= nowUs) fullAt.delete(key)
    }
  }

  return {
    async take(charges, nowMs = performance.now()) {
      const demands = toDemands(charges)
      const nowUs = Math.floor(nowMs * 1_000)
      const answers = demands.map(({ key, ...demand }) => ({
        key,
        ...ask(demand, { nowUs, fullAtUs: fullAt.get(key) ?? nowUs }),
      }))
      const waitUs = Math.max(0, ...answers.map((answer) => answer.waitUs))
      const after = answers.map(({ key, chargedUs, unchargedUs }) => {
        const fullAtUs = waitUs === 0 ? chargedUs : unchargedUs
        keep(key, fullAtUs)
        return fullAtUs
      })
      sweep(nowUs)
      return toVerdict(charges, { nowUs, fullAtUs: after, waitUs })
    },
  }
}

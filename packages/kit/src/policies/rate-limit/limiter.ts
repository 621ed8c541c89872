import type { Metrics } from '../../platform/metrics.ts'
import { RedisUnavailableError } from '../../platform/redis/redis-error.ts'
import type { Rate } from './gcra.ts'
import type { Charge, RateLimitStore, Verdict } from './rate-limit-store.ts'

export interface LimiterOptions {
  /** Exact among all processes; left out where there is no Redis. */
  readonly shared?: RateLimitStore | undefined
  /** This process' own, for when the shared one is away. */
  readonly own: RateLimitStore
  /** How many processes there are: each enforces its part when on its own. */
  readonly processes: { readonly count: number }
  readonly metrics: Metrics
}

/** Admits or refuses calls. */
export interface Limiter {
  /**
   * Takes all charges or none. Exact over all processes while the shared store answers. Without it
   * this process enforces its part of each rate; when it comes back, what was taken meanwhile is
   * forgotten once. Rejects for charges that are wrong, and never because a store is away.
   */
  take(charges: readonly Charge[]): Promise<Verdict>
}

export function createLimiter({ shared, own, processes, metrics }: LimiterOptions): Limiter {
  const takeAlone = (charges: readonly Charge[]) =>
    own.take(charges.map((charge) => partOf(charge, processes.count)))

  async function takeFrom(store: RateLimitStore, charges: readonly Charge[]): Promise<Verdict> {
    try {
      return await store.take(charges)
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error
      metrics.count('rate_limit_fallbacks_total')
      return takeAlone(charges)
    }
  }

  return {
    async take(charges) {
      const verdict = await (shared ? takeFrom(shared, charges) : takeAlone(charges))
      metrics.count('rate_limit_verdicts_total', { outcome: verdict.outcome })
      return verdict
    },
  }
}

/**
 * The part of a limit that one of many processes enforces. A call that costs more than its part of
 * the burst still passes, when it finds the bucket full: it is not to become impossible because
 * Redis is away, and its cost is paid back at the rate of the part.
 */
function partOf(charge: Charge, processes: number): Charge {
  const { amount, windowMs, burst = amount, ceiling = burst } = charge.rate
  const rate: Rate = {
    amount,
    windowMs: windowMs * processes,
    burst: Math.max(1, Math.floor(burst / processes)),
    ceiling,
  }
  return { ...charge, rate }
}

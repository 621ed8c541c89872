import { isPossible, levelOf, toDemand, type Demand, type Rate } from './gcra.ts'

/** Units that one call takes from one limit. */
export interface Charge {
  /** The limit's name, as it was declared. */
  readonly name: string
  /** Whose bucket of that limit. No two charges of one call have the same. */
  readonly key: string
  readonly rate: Rate
  /** Whole units, at least one. */
  readonly cost: number
}

/** A limit as its caller may know it, after the call. */
export interface LimitState {
  readonly name: string
  /** Units in a window, as declared. */
  readonly limit: number
  /** Units that are left at this moment. */
  readonly remaining: number
  /** Until all of them are there again, in milliseconds. */
  readonly resetMs: number
}

/**
 * `refused`: after `retryAfterMs` it is admitted, if nobody else takes from the same buckets.
 * `impossible`: it costs more than a full bucket of the limits in `by` has, and never will be.
 */
export type Verdict = { readonly limits: readonly LimitState[] } & (
  | { readonly outcome: 'admitted' }
  | { readonly outcome: 'refused'; readonly retryAfterMs: number }
  | { readonly outcome: 'impossible'; readonly by: readonly string[] }
)

/** Where buckets are kept. */
export interface RateLimitStore {
  /**
   * Takes all charges or none, in one step: a call that is refused costs nothing, whoever else
   * calls meanwhile. `nowMs` stands in for the store's own time. Rejects with a `RangeError` for a
   * cost that is none, and for two charges of one bucket.
   */
  take(charges: readonly Charge[], nowMs?: number): Promise<Verdict>
}

/** What the charges ask of their buckets, in their order. */
export function toDemands(charges: readonly Charge[]): (Demand & { readonly key: string })[] {
  if (new Set(charges.map(({ key }) => key)).size < charges.length) {
    throw new RangeError('Two charges go to the same bucket.')
  }
  return charges.map(({ name, key, rate, cost }) => {
    if (!Number.isSafeInteger(cost) || cost < 1) {
      throw new RangeError(`The cost for the limit ${name} must be a whole number from 1 on.`)
    }
    return { key, ...toDemand(rate, cost) }
  })
}

/** What a store found. */
export interface Findings {
  readonly nowUs: number
  /** When each bucket is full again, now that the call was admitted or refused. */
  readonly fullAtUs: readonly number[]
  /** The longest wait for any of them; 0 where the call was admitted. */
  readonly waitUs: number
}

export function toVerdict(
  charges: readonly Charge[],
  { nowUs, fullAtUs, waitUs }: Findings,
): Verdict {
  const limits = charges.map(({ name, rate }, index) => ({
    name,
    limit: rate.amount,
    ...levelOf(rate, { nowUs, fullAtUs: fullAtUs[index] ?? 0 }),
  }))
  if (waitUs === 0) return { outcome: 'admitted', limits }
  const by = charges.filter(({ rate, cost }) => !isPossible(rate, cost)).map(({ name }) => name)
  if (by.length > 0) return { outcome: 'impossible', limits, by }
  return { outcome: 'refused', limits, retryAfterMs: Math.ceil(waitUs / 1_000) }
}

/** What is allowed: `amount` units in any `windowMs`, and `burst` of them at once. */
export interface Rate {
  readonly amount: number
  readonly windowMs: number
  /** Units that may come at the same moment; `amount` by default. */
  readonly burst?: number | undefined
  /** What one charge may cost where it finds a full bucket; `burst` by default, and no less. */
  readonly ceiling?: number | undefined
}

/**
 * A charge as GCRA counts it, in whole microseconds of the time in which units come back: a double
 * holds those of today exactly, in JavaScript and in Redis' Lua alike, so that both come to the
 * same answer.
 */
export interface Demand {
  readonly costUs: number
  /** Debt that the bucket may have after it. */
  readonly roomUs: number
  /** Debt that it can have at all. */
  readonly mostUs: number
}

/**
 * Time in which one unit comes back. Rounded up, so that the rate is never exceeded: it is missed by
 * less than 0.1 % up to 1,000 units in a second.
 */
function intervalUs({ amount, windowMs }: Rate): number {
  return Math.ceil((windowMs * 1_000) / amount)
}

export function toDemand(rate: Rate, cost: number): Demand {
  const unitUs = intervalUs(rate)
  const { burst, ceiling } = sizesOf(rate)
  return {
    costUs: cost * unitUs,
    roomUs: (cost <= ceiling ? Math.max(burst, cost) : burst) * unitUs,
    mostUs: ceiling * unitUs,
  }
}

/** Whether a bucket of this rate can admit the cost at some time. */
export function isPossible(rate: Rate, cost: number): boolean {
  return cost <= sizesOf(rate).ceiling
}

function sizesOf({ amount, burst = amount, ceiling = burst }: Rate) {
  return { burst, ceiling }
}

/** A moment, and when the bucket that is asked at it is full again: its whole state. */
export interface BucketTime {
  readonly nowUs: number
  readonly fullAtUs: number
}

/** When the bucket is full again if it is charged, and if not, and how long it has no room. */
export function ask({ costUs, roomUs, mostUs }: Demand, at: BucketTime) {
  const debt = debtUs(at, mostUs)
  return {
    chargedUs: at.nowUs + debt + costUs,
    unchargedUs: at.nowUs + debt,
    waitUs: Math.max(0, debt + costUs - roomUs),
  }
}

/** Units that a bucket has at this moment, and the time until it has them all. */
export function levelOf(rate: Rate, at: BucketTime) {
  const unitUs = intervalUs(rate)
  const { burst, ceiling } = sizesOf(rate)
  const debt = debtUs(at, ceiling * unitUs)
  return {
    remaining: Math.max(0, Math.floor(burst - debt / unitUs)),
    resetMs: Math.ceil(debt / 1_000),
  }
}

/** What a clock that went back has left in its future is no more than an empty bucket. */
function debtUs({ nowUs, fullAtUs }: BucketTime, mostUs: number): number {
  return Math.min(Math.max(fullAtUs - nowUs, 0), mostUs)
}

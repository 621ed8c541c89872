import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Rate } from './gcra.ts'
import type { RateLimitStore } from './rate-limit-store.ts'

export interface OpenStore extends AsyncDisposable {
  readonly store: RateLimitStore
}

/** Six in an hour: one every ten minutes. No test takes long enough to see one come back. */
const SIX: Rate = { amount: 6, windowMs: 3_600_000 }
const UNIT_MS = 600_000

/** Not at a whole millisecond: no digit of the time is to get lost. */
const START_MS = Date.UTC(2026, 10, 22) + 0.875

const charge = (key: string, { cost = 1, rate = SIX }: { cost?: number; rate?: Rate } = {}) => ({
  name: key,
  key,
  rate,
  cost,
})

/** What every store promises, whatever it keeps its buckets in. */
export function describeRateLimitStore(open: () => Promise<OpenStore>): void {
  describe('as a store of rate limits it', () => {
    test('admits a burst at once, and then no more than the rate', async () => {
      await using it = await open()
      for (let left = 5; left >= 0; left--) {
        const verdict = await it.store.take([charge('a')], START_MS)
        expect(verdict).toEqual({
          outcome: 'admitted',
          limits: [{ name: 'a', limit: 6, remaining: left, resetMs: (6 - left) * UNIT_MS }],
        })
      }
      const refused = await it.store.take([charge('a')], START_MS)
      expect(refused).toMatchObject({ outcome: 'refused', retryAfterMs: UNIT_MS })
      const later = START_MS + UNIT_MS
      expect(await it.store.take([charge('a')], later)).toMatchObject({ outcome: 'admitted' })
      expect(await it.store.take([charge('a')], later)).toMatchObject({ outcome: 'refused' })
    })

    test('goes by a time of its own where none is given', async () => {
      await using it = await open()
      const rate = { amount: 1, windowMs: 50 }
      expect(await it.store.take([charge('a', { rate })])).toMatchObject({ outcome: 'admitted' })
      const again = async () => (await it.store.take([charge('a', { rate })])).outcome
      await expect.poll(again, { interval: 10 }).toBe('admitted')
      for (let n = 0; n < 6; n++) await it.store.take([charge('b')])
      expect(await it.store.take([charge('b')])).toMatchObject({ outcome: 'refused' })
    })

    test('keeps a burst that is smaller or larger than the amount', async () => {
      await using it = await open()
      for (const burst of [2, 9]) {
        const key = `burst ${burst}`
        const take = () => it.store.take([charge(key, { rate: { ...SIX, burst } })], START_MS)
        for (let n = 0; n < burst; n++) expect(await take()).toMatchObject({ outcome: 'admitted' })
        expect(await take()).toMatchObject({ outcome: 'refused', retryAfterMs: UNIT_MS })
      }
    })

    test('charges a call what it costs', async () => {
      await using it = await open()
      const four = () => it.store.take([charge('a', { cost: 4 })], START_MS)
      expect(await four()).toMatchObject({ outcome: 'admitted', limits: [{ remaining: 2 }] })
      expect(await four()).toMatchObject({ outcome: 'refused', retryAfterMs: 2 * UNIT_MS })
    })

    test('takes nothing for a call that is refused, however often it tries', async () => {
      await using it = await open()
      await it.store.take([charge('a', { cost: 4 })], START_MS)
      for (let n = 0; n < 20; n++) await it.store.take([charge('a', { cost: 3 })], START_MS)
      const two = await it.store.take([charge('a', { cost: 2 })], START_MS)
      expect(two).toMatchObject({ outcome: 'admitted', limits: [{ remaining: 0 }] })
    })

    test('takes from all limits or from none, and tells the longest wait', async () => {
      await using it = await open()
      await it.store.take([charge('a', { cost: 5 }), charge('b', { cost: 6 })], START_MS)
      const both = [charge('a', { cost: 2 }), charge('b', { cost: 2 }), charge('c')]
      expect(await it.store.take(both, START_MS)).toMatchObject({
        outcome: 'refused',
        retryAfterMs: 2 * UNIT_MS,
        limits: [
          { name: 'a', remaining: 1 },
          { name: 'b', remaining: 0 },
          { name: 'c', remaining: 6, resetMs: 0 },
        ],
      })
      expect(await it.store.take([charge('a')], START_MS)).toMatchObject({ outcome: 'admitted' })
    })

    test('admits whoever has waited as long as it was told', async () => {
      await using it = await open()
      const rate = { amount: 7, windowMs: 86_400_001 } // its interval is no whole number
      await it.store.take([charge('a', { rate, cost: 7 }), charge('b', { cost: 6 })], START_MS)
      const both = [charge('a', { rate, cost: 3 }), charge('b')]
      const refused = await it.store.take(both, START_MS)
      const waitMs = refused.outcome === 'refused' ? refused.retryAfterMs : 0
      expect(await it.store.take(both, START_MS + waitMs - 1)).toMatchObject({ outcome: 'refused' })
      expect(await it.store.take(both, START_MS + waitMs)).toMatchObject({ outcome: 'admitted' })
    })

    test('says which limits a call can never pass, and takes nothing for it', async () => {
      await using it = await open()
      const calls = [charge('a', { cost: 7 }), charge('b')]
      const verdict = await it.store.take(calls, START_MS)
      expect(verdict).toMatchObject({ outcome: 'impossible', by: ['a'] })
      const all = await it.store.take(
        [charge('a', { cost: 6 }), charge('b', { cost: 6 })],
        START_MS,
      )
      expect(all).toMatchObject({ outcome: 'admitted' })
    })

    test('admits up to the ceiling from a full bucket, and lets it be paid back', async () => {
      await using it = await open()
      const rate = { ...SIX, burst: 2, ceiling: 6 }
      const take = (cost: number, atMs: number) =>
        it.store.take([charge('a', { rate, cost })], START_MS + atMs)
      expect(await take(6, 0)).toMatchObject({ outcome: 'admitted', limits: [{ remaining: 0 }] })
      expect(await take(1, 0)).toMatchObject({ outcome: 'refused', retryAfterMs: 5 * UNIT_MS })
      expect(await take(6, 0)).toMatchObject({ outcome: 'refused', retryAfterMs: 6 * UNIT_MS })
      expect(await take(7, 0)).toMatchObject({ outcome: 'impossible' })
      expect(await take(1, 5 * UNIT_MS)).toMatchObject({ outcome: 'admitted' })
    })

    test('admits exactly the burst of many calls at the same time', async () => {
      await using it = await open()
      const calls = Array.from({ length: 100 }, () =>
        it.store.take([charge('a'), charge('b', { rate: { ...SIX, amount: 60 } })]),
      )
      const verdicts = await Promise.all(calls)
      expect(verdicts.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(6)
      const b = await it.store.take([charge('b', { rate: { ...SIX, amount: 60 } })])
      expect(b.limits[0]?.remaining).toBe(53)
    })

    test('makes nobody wait for longer than an empty bucket when the clock goes back', async () => {
      await using it = await open()
      await it.store.take([charge('a', { cost: 6 })], START_MS)
      const yesterday = START_MS - 86_400_000
      const verdict = await it.store.take([charge('a')], yesterday)
      expect(verdict).toMatchObject({ outcome: 'refused', retryAfterMs: UNIT_MS })
      const later = await it.store.take([charge('a')], yesterday + UNIT_MS)
      expect(later).toMatchObject({ outcome: 'admitted' })
    })

    test('refuses a cost that is none, and two charges of one bucket', async () => {
      await using it = await open()
      for (const cost of [0, -1, 0.5, NaN, Infinity]) {
        await expect(it.store.take([charge('a', { cost })])).rejects.toThrow(RangeError)
      }
      await expect(it.store.take([charge('a'), charge('a')])).rejects.toThrow(RangeError)
      expect(await it.store.take([])).toEqual({ outcome: 'admitted', limits: [] })
    })

    test('decides like a plain simulation with tokens, whatever comes', async () => {
      await using it = await open()
      let run = 0
      const decidesAlike = async (of: readonly Rate[], all: readonly Step[]) => {
        const prefix = `run ${run++}`
        const simulation = createSimulation(of)
        for (const { afterMs, costs } of all) {
          const expected = simulation.take(costs, afterMs)
          const charges = of.map((rate, n) =>
            charge(`${prefix} limit ${n}`, { rate, cost: costs[n] ?? 1 }),
          )
          const { outcome, limits } = await it.store.take(charges, expected.nowMs)
          const remaining = limits.map((limit) => limit.remaining)
          expect({ admitted: outcome === 'admitted', remaining }).toEqual(expected.verdict)
        }
      }
      await fc.assert(
        fc.asyncProperty(fc.array(rates, { minLength: 1, maxLength: 3 }), steps, decidesAlike),
        { numRuns: process.env.TEST_FULL === '1' ? 1_000 : 60 },
      )
    })
  })
}

/** Rates whose interval is a whole number of milliseconds, so that tokens can be counted exactly. */
const rates = fc
  .record({
    amount: fc.integer({ min: 1, max: 10 }),
    unitMs: fc.integer({ min: 60_000, max: 900_000 }),
  })
  .chain(({ amount, unitMs }) =>
    fc.record({
      amount: fc.constant(amount),
      windowMs: fc.constant(amount * unitMs),
      burst: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
    }),
  )

interface Step {
  readonly afterMs: number
  readonly costs: readonly number[]
}

const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_000_000 })),
    costs: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 }),
  }),
  { maxLength: 25 },
)

/** Tokens that drip into buckets, counted in milliseconds of dripping. */
function createSimulation(of: readonly Rate[]) {
  let nowMs = START_MS
  const buckets = of.map(({ amount, windowMs, burst = amount }) => {
    const unitMs = windowMs / amount
    return { unitMs, mostMs: burst * unitMs, levelMs: burst * unitMs }
  })
  return {
    take(costs: readonly number[], afterMs: number) {
      nowMs += afterMs
      for (const bucket of buckets) {
        bucket.levelMs = Math.min(bucket.mostMs, bucket.levelMs + afterMs)
      }
      const wanted = buckets.map(({ unitMs }, n) => (costs[n] ?? 1) * unitMs)
      const admitted = buckets.every(({ levelMs }, n) => levelMs >= (wanted[n] ?? 0))
      if (admitted) buckets.forEach((bucket, n) => (bucket.levelMs -= wanted[n] ?? 0))
      const remaining = buckets.map(({ levelMs, unitMs }) => Math.floor(levelMs / unitMs))
      return { nowMs, verdict: { admitted, remaining } }
    },
  }
}

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { createRetryBudget, retry, type RetryOptions } from './retry.ts'

const BACKOFF = { baseMs: 100, capMs: 1_000 }
const failure = (number: number) => new Error(`attempt ${number}`)

/** Retries what always fails, on a clock that only waits move. */
async function retryInVain(options: Partial<RetryOptions> & { readonly deadlineMs?: number }) {
  const { deadlineMs = Infinity } = options
  const waits: number[] = []
  let nowMs = 0
  let attempts = 0
  const error: unknown = await retry(
    async (number) => {
      attempts++
      throw failure(number)
    },
    {
      ...BACKOFF,
      isRetryable: () => ({}),
      remainingMs: () => deadlineMs - nowMs,
      wait: async (ms) => {
        waits.push(ms)
        nowMs += ms
      },
      ...options,
    },
  ).catch((caught: unknown) => caught)
  return { waits, attempts, nowMs, error }
}

test('each wait is a random one below a bound that doubles up to the cap', async () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  await fc.assert(
    fc.asyncProperty(random, fc.integer({ min: 1, max: 12 }), async (share, maxAttempts) => {
      const { waits, attempts } = await retryInVain({ maxAttempts, random: () => share })
      expect(attempts).toBe(maxAttempts)
      expect(waits).toEqual(
        Array.from(
          { length: maxAttempts - 1 },
          (_, number) => share * Math.min(1_000, 100 * 2 ** number),
        ),
      )
    }),
  )
})

test('no wait reaches the deadline, and the last error is thrown as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3_000 }), async (deadlineMs) => {
      const options = { deadlineMs, maxAttempts: 50, random: () => 0.99 }
      const { attempts, nowMs, error } = await retryInVain(options)
      expect(nowMs === 0 || nowMs < deadlineMs).toBe(true)
      expect(error).toEqual(failure(attempts - 1))
    }),
  )
})

test('a wait that was asked for is obeyed, with up to a fifth on top', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60_000 }), async (retryAfterMs) => {
      const { waits } = await retryInVain({ maxAttempts: 2, isRetryable: () => ({ retryAfterMs }) })
      expect(waits).toHaveLength(1)
      expect(waits[0]).toBeGreaterThanOrEqual(retryAfterMs)
      expect(waits[0]).toBeLessThanOrEqual(retryAfterMs * 1.2)
    }),
  )
})

test('a wait that was asked for and does not fit into the deadline is not begun', async () => {
  const isRetryable = () => ({ retryAfterMs: 5_000 })
  expect(await retryInVain({ isRetryable, deadlineMs: 4_000 })).toMatchObject({
    waits: [],
    error: failure(0),
  })
})

test('what is not retryable is thrown at once', async () => {
  const { attempts, error } = await retryInVain({ isRetryable: () => false })
  expect([attempts, error]).toEqual([1, failure(0)])
})

test('three attempts are made unless it is said otherwise', async () => {
  expect((await retryInVain({})).attempts).toBe(3)
})

test('a budget stops the retries of all who share it once half of it is spent', async () => {
  const budget = createRetryBudget({ tokens: 10 })
  let attempts = 0
  for (let call = 0; call < 100; call++) attempts += (await retryInVain({ budget })).attempts
  // The first call spends three tokens; the second one two, and then half of them are left.
  expect(attempts).toBe(3 + 2 + 98)
})

test('successes refill a budget, a tenth of a failure each and never above its size', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (outcomes) => {
      const budget = createRetryBudget({ tokens: 10 })
      let left = 10
      for (const succeeded of outcomes) {
        if (succeeded) budget.succeeded()
        else budget.failed()
        left = succeeded ? Math.min(10, left + 0.1) : Math.max(0, left - 1)
        expect(budget.affords()).toBe(left > 5)
      }
    }),
  )
})

test('an abort ends a wait at once with its reason', async () => {
  const controller = new AbortController()
  const waiting = retry(
    async () => {
      setTimeout(() => controller.abort(new Error('gone')))
      throw failure(0)
    },
    {
      baseMs: 60_000,
      capMs: 60_000,
      random: () => 1,
      isRetryable: () => ({}),
      signal: controller.signal,
    },
  )
  await expect(waiting).rejects.toThrow('gone')
})

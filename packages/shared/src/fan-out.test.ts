import fc from 'fast-check'
import { expect, expectTypeOf, test } from 'vitest'

import { fanOut, type Job, type Settled } from './fan-out.ts'
import { sleep } from './sleep.ts'

/** A job that ends only by an abort, and says when it has. */
function endless(stopped: () => void): Job<never> {
  return async (signal) => {
    try {
      await sleep(60_000, { signal })
    } catch (error) {
      await sleep(5) // to stop takes a moment
      stopped()
      throw error
    }
    throw new Error('it was not aborted')
  }
}

test('results are in the order of the jobs, each of its own type, and at most `limit` run', async () => {
  const delays = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(delays, fc.integer({ min: 1, max: 5 }), async (delaysMs, limit) => {
      let [running, most] = [0, 0]
      const jobs = delaysMs.map((ms, index) => async () => {
        most = Math.max(most, ++running)
        await sleep(ms)
        running--
        return index
      })
      const results = await fanOut(jobs, { mode: 'failFast', limit })
      expect(results).toEqual(delaysMs.map((_, index) => index))
      expect(most).toBe(Math.min(limit, delaysMs.length))
    }),
    { numRuns: 30 },
  )
  const mixed = await fanOut([async () => 1, async () => 'a'], { mode: 'failFast', limit: 2 })
  expectTypeOf(mixed).toEqualTypeOf<[number, string]>()
  const settled = await fanOut([async () => 1, async () => 'a'], { mode: 'settle', limit: 2 })
  expectTypeOf(settled).toEqualTypeOf<[Settled<number>, Settled<string>]>()
})

test('failFast aborts the siblings and throws the first failure after they have stopped', async () => {
  let [stopped, started] = [0, 0]
  const jobs = [
    endless(() => stopped++),
    async () => {
      throw new Error('first')
    },
    endless(() => stopped++),
    async () => started++,
  ]
  await expect(fanOut(jobs, { mode: 'failFast', limit: 3 })).rejects.toThrow('first')
  expect([stopped, started]).toEqual([2, 0])
})

test('settle tells each job apart and disturbs none for the failure of another', async () => {
  const error = new Error('no')
  const jobs = [async () => 'a', () => Promise.reject<string>(error), async () => 'c']
  expect(await fanOut(jobs, { mode: 'settle', limit: 1 })).toEqual([
    { ok: true, value: 'a' },
    { ok: false, error },
    { ok: true, value: 'c' },
  ])
})

test('an abort from outside stops what runs and starts nothing more', async () => {
  const reason = new Error('left')
  let [stopped, started] = [0, 0]
  const jobs = [endless(() => stopped++), async () => started++]
  const leaving = () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason))
    return { limit: 1, signal: controller.signal }
  }
  await expect(fanOut(jobs, { mode: 'failFast', ...leaving() })).rejects.toBe(reason)
  const failed = { ok: false, error: reason }
  expect(await fanOut(jobs, { mode: 'settle', ...leaving() })).toEqual([failed, failed])
  expect([stopped, started]).toEqual([2, 0])
})

test('a limit below one is a mistake of the caller', async () => {
  await expect(fanOut([async () => 1], { mode: 'settle', limit: 0 })).rejects.toThrow(RangeError)
})

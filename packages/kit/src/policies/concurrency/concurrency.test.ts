import fc from 'fast-check'
import { expect, test } from 'vitest'

import { isFailure } from '@tautline/shared'

import { createMetrics } from '../../platform/metrics.ts'
import { createConcurrency, observeConcurrency } from './concurrency.ts'

/** Work that ends when the test says so. */
function heldWork() {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { work: () => promise, end: () => resolve('done') }
}

test('no more than the cap run at the same time, and the others have their turn in order', async () => {
  const concurrency = createConcurrency({ max: 2, queue: 10 })
  const started: number[] = []
  const held = [0, 1, 2, 3].map(heldWork)
  const runs = held.map(({ work }, index) =>
    concurrency.run(() => {
      started.push(index)
      return work()
    }),
  )
  await expect.poll(() => started).toEqual([0, 1])
  expect([concurrency.running, concurrency.waiting]).toEqual([2, 2])
  held[1]?.end()
  await expect.poll(() => started).toEqual([0, 1, 2])
  held.forEach(({ end }) => end())
  expect(await Promise.all(runs)).toHaveLength(4)
  expect(started).toEqual([0, 1, 2, 3])
  expect([concurrency.running, concurrency.waiting]).toEqual([0, 0])
})

test('one more than fits into the queue is told when to come again', async () => {
  const concurrency = createConcurrency({ max: 1, queue: 1 })
  const held = heldWork()
  const runs = [concurrency.run(held.work), concurrency.run(held.work)]
  const refused = concurrency.run(held.work)
  const failure: unknown = await refused.catch((error: unknown) => error)
  expect(failure).toMatchObject({ reason: 'OVERLOADED' })
  const { retryAfterMs = 0 } = isFailure(failure) ? failure.details : {}
  expect(retryAfterMs).toBeGreaterThanOrEqual(1_000)
  expect(retryAfterMs).toBeLessThanOrEqual(5_000)
  held.end()
  await Promise.all(runs)
})

test('one who leaves the queue runs nothing and keeps nobody waiting', async () => {
  const concurrency = createConcurrency({ max: 1, queue: 5 })
  const held = heldWork()
  const leaving = new AbortController()
  const first = concurrency.run(held.work)
  const left = concurrency.run(() => Promise.reject(new Error('It ran.')), leaving.signal)
  const last = concurrency.run(async () => 'last')
  leaving.abort(new Error('left'))
  await expect(left).rejects.toThrow('left')
  held.end()
  expect(await Promise.all([first, last])).toEqual(['done', 'last'])
})

test('work that fails gives its place back', async () => {
  const concurrency = createConcurrency({ max: 1, queue: 0 })
  for (const attempt of [1, 2]) {
    const run = concurrency.run(() => Promise.reject(new Error(`failed ${attempt}`)))
    await expect(run).rejects.toThrow(`failed ${attempt}`)
  }
  const thrown = concurrency.run(() => {
    throw new Error('at once')
  })
  await expect(thrown).rejects.toThrow('at once')
  expect(concurrency.running).toBe(0)
})

test('whatever comes and goes: never more than the cap, and in the end nobody is left', async () => {
  const calls = fc.array(fc.record({ ticks: fc.nat(4), leavesAfter: fc.option(fc.nat(4)) }), {
    maxLength: 40,
  })
  const sizes = fc.record({ max: fc.integer({ min: 1, max: 4 }), queue: fc.nat(6) })
  await fc.assert(
    fc.asyncProperty(sizes, calls, async (options, all) => {
      const concurrency = createConcurrency(options)
      let most = 0
      const runs = all.map(async ({ ticks, leavesAfter }) => {
        const leaving = new AbortController()
        const run = concurrency.run(async () => {
          most = Math.max(most, concurrency.running)
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
        }, leaving.signal)
        if (leavesAfter !== null) {
          for (let tick = 0; tick < leavesAfter; tick++) await Promise.resolve()
          leaving.abort(new Error('left'))
        }
        await run
      })
      await Promise.allSettled(runs)
      expect(most).toBeLessThanOrEqual(options.max)
      expect([concurrency.running, concurrency.waiting]).toEqual([0, 0])
    }),
  )
})

test('the gauges have the sums over all procedures', async () => {
  const metrics = createMetrics()
  const parts = [1, 2].map(() => createConcurrency({ max: 1, queue: 1 }))
  const remove = observeConcurrency(parts, metrics)
  const held = heldWork()
  const runs = parts.flatMap((part) => [part.run(held.work), part.run(held.work)])
  expect(metrics.snapshot().gauges).toEqual({ concurrency_running: 2, concurrency_waiting: 2 })
  held.end()
  await Promise.all(runs)
  expect(metrics.snapshot().gauges).toEqual({ concurrency_running: 0, concurrency_waiting: 0 })
  remove()
  expect(metrics.snapshot().gauges).toEqual({})
})

import { expect, test } from 'vitest'

import { backoffMs } from './backoff.ts'
import { sleep } from './sleep.ts'

test('a sleep ends at once with the reason of its signal', async () => {
  const controller = new AbortController()
  const sleeping = sleep(60_000, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(sleeping).rejects.toThrow('enough')
  await expect(sleep(60_000, { signal: controller.signal })).rejects.toThrow('enough')
})

test('a backoff grows with the attempts, up to its cap', () => {
  const bounds = [0, 1, 2, 10].map((attempt) =>
    Math.max(...Array.from({ length: 500 }, () => backoffMs(attempt, { baseMs: 10, capMs: 50 }))),
  )
  expect(bounds[0]).toBeLessThanOrEqual(10)
  expect(bounds[1]).toBeLessThanOrEqual(20)
  expect(bounds[3]).toBeLessThanOrEqual(50)
  expect(bounds[3]).toBeGreaterThan(20)
})

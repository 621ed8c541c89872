import { describe, expect, test } from 'vitest'

import { createMetrics } from '../../platform/metrics.ts'
import { createMemoryStore } from './memory-store.ts'
import { describeRateLimitStore } from './rate-limit-store.contract.fixture.ts'

describe('a store in memory', () => {
  describeRateLimitStore(async () => ({
    store: createMemoryStore({ metrics: createMetrics() }),
    async [Symbol.asyncDispose]() {},
  }))
})

const rate = { amount: 1, windowMs: 1_000 }
const charge = (key: string) => [{ name: 'limit', key, rate, cost: 1 }]

function storeOf(maxBuckets?: number) {
  const metrics = createMetrics()
  const store = createMemoryStore({ metrics, ...(maxBuckets !== undefined && { maxBuckets }) })
  return { store, buckets: () => metrics.snapshot().gauges.rate_limit_buckets }
}

test('a store in memory keeps so many buckets and no more; the one used longest ago goes', async () => {
  const { store, buckets } = storeOf(100)
  for (let n = 0; n < 100; n++) await store.take(charge(`key ${n}`), 0)
  await store.take(charge('key 0'), 0) // is refused, and used
  await store.take(charge('one more'), 0)
  expect(buckets()).toBe(100)
  expect(await store.take(charge('key 0'), 0)).toMatchObject({ outcome: 'refused' })
  expect(await store.take(charge('key 1'), 0)).toMatchObject({ outcome: 'admitted' })
})

test('a store in memory lets go of buckets that are full again', async () => {
  const { store, buckets } = storeOf()
  for (let n = 0; n < 1_000; n++) await store.take(charge(`key ${n}`), 0)
  expect(buckets()).toBe(1_000)
  for (let n = 0; n < 200; n++) await store.take(charge('another'), 1_000)
  expect(buckets()).toBe(1)
})

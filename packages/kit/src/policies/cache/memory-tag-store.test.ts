import { expect, test } from 'vitest'

import { systemClock } from '../../platform/clock.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createMemoryTagStore } from './memory-tag-store.ts'
import { testTagStore } from './tag-store-contract.fixture.ts'

testTagStore('memory', async () => {
  const store = createMemoryTagStore({ clock: systemClock, metrics: createMetrics() })
  return { stores: [store, store], [Symbol.asyncDispose]: async () => store[Symbol.dispose]() }
})

test('a tag that was pushed out never has an old version again, and there is a bound', () => {
  const metrics = createMetrics()
  using store = createMemoryTagStore({ clock: systemClock, metrics, maxTags: 10 })
  const first = store.readNow(['a'])
  for (let index = 0; index < 100; index++) store.readNow([`tag:${index}`])
  expect(metrics.snapshot().gauges.cache_tags).toBe(10)
  expect(store.readNow(['a']).version).not.toBe(first.version)
})

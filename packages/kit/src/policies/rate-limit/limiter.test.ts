import { describe, expect, test } from 'vitest'

import { createMetrics } from '../../platform/metrics.ts'
import {
  openRedis,
  PATIENT,
  startRedis,
  timedOutcome,
} from '../../platform/redis/redis-server.fixture.ts'
import type { Redis } from '../../platform/redis/redis.ts'
import { hasRedisServer } from '../../testing/test-redis.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { createMemoryStore } from './memory-store.ts'
import { createRedisStore } from './redis-store.ts'

const full = process.env.TEST_FULL === '1'

const rate = { amount: 40, windowMs: 3_600_000 }
const charge = (cost = 1, key = 'key') => [{ name: 'limit', key, rate, cost }]

/** A limiter of one of `count` processes. */
function limiterOf(count: number, redis?: Redis) {
  const metrics = createMetrics()
  const limiter = createLimiter({
    shared: redis && createRedisStore(redis),
    own: createMemoryStore({ metrics }),
    processes: { count },
    metrics,
  })
  return { limiter, counters: () => metrics.snapshot().counters }
}

async function admitted(limiters: readonly Limiter[], calls: number): Promise<number> {
  let count = 0
  for (let n = 0; n < calls; n++) {
    for (const limiter of limiters) {
      if ((await limiter.take(charge())).outcome === 'admitted') count++
    }
  }
  return count
}

test('without Redis each of four processes admits a quarter', async () => {
  const limiters = Array.from({ length: 4 }, () => limiterOf(4).limiter)
  expect(await admitted(limiters, 20)).toBe(40)
  const refused = await limiters[0]?.take(charge())
  expect(refused).toMatchObject({ outcome: 'refused', limits: [{ limit: 40, remaining: 0 }] })
  const unitMs = rate.windowMs / rate.amount
  const retryAfterMs = refused?.outcome === 'refused' ? refused.retryAfterMs : 0
  expect(retryAfterMs / unitMs).toBeCloseTo(4, 1) // a unit comes back to each of them this seldom
})

test('without Redis a call that costs more than a process has still passes, and pays it back', async () => {
  const { limiter } = limiterOf(8)
  expect(await limiter.take(charge(40))).toMatchObject({ outcome: 'admitted' })
  expect(await limiter.take(charge(1))).toMatchObject({ outcome: 'refused' })
  expect(await limiter.take(charge(41, 'other'))).toMatchObject({ outcome: 'impossible' })
})

test('without Redis a limit smaller than the number of processes admits one call in each', async () => {
  const { limiter } = limiterOf(100)
  expect(await limiter.take(charge())).toMatchObject({ outcome: 'admitted' })
  expect(await limiter.take(charge())).toMatchObject({ outcome: 'refused' })
})

test('with a Redis that never answered the limits hold all the same', async () => {
  await using world = openRedis('redis://127.0.0.1:1')
  await world.redis.connect()
  const { limiter, counters } = limiterOf(2, world.redis)
  expect(await admitted([limiter], 30)).toBe(20)
  expect(counters()).toMatchObject({
    rate_limit_fallbacks_total: 30,
    'rate_limit_verdicts_total{outcome="refused"}': 10,
  })
})

test('charges that are wrong are told as such', async () => {
  await expect(limiterOf(1).limiter.take(charge(0))).rejects.toThrow(RangeError)
})

describe.skipIf(!(await hasRedisServer()))('with a real Redis', () => {
  test('all processes together admit exactly the limit', async () => {
    await using world = await startRedis(PATIENT)
    const limiters = Array.from({ length: 4 }, () => limiterOf(4, world.redis).limiter)
    expect(await admitted(limiters, 30)).toBe(40)
  })

  test('when it is killed one more burst is admitted, and one when it comes back', async () => {
    await using world = await startRedis(PATIENT)
    const limiters = Array.from({ length: 4 }, () => limiterOf(4, world.redis).limiter)
    expect(await admitted(limiters, 20)).toBe(40)
    await world.server.kill()
    expect(await admitted(limiters, 20)).toBe(40)
    await world.server.restart() // empty: it has forgotten everything
    await expect.poll(() => world.redis.state, { timeout: 15_000 }).toBe('up')
    expect(await admitted(limiters, 20)).toBe(40)
    expect(await admitted(limiters, 5)).toBe(0)
  })

  test('when it hangs a call waits for 150 ms at most, and soon for nothing', async () => {
    await using world = await startRedis()
    const { limiter, counters } = limiterOf(1, world.redis)
    await limiter.take(charge())
    world.server.pause()
    const waits: number[] = []
    for (let n = 0; n < 30; n++) {
      const { tookMs, error } = await timedOutcome(limiter.take(charge()))
      expect(error).toBeUndefined()
      waits.push(tookMs)
    }
    expect(Math.max(...waits)).toBeLessThan(full ? 200 : 900)
    expect(waits.filter((ms) => ms > 100).length).toBeLessThan(10)
    expect(counters().rate_limit_fallbacks_total).toBe(30)
  })

  test('when it takes no writes every process is on its own', async () => {
    await using world = await startRedis(PATIENT)
    await world.redis.run((client) => client.replicaof('127.0.0.1', '1'))
    const limiters = Array.from({ length: 2 }, () => limiterOf(2, world.redis).limiter)
    expect(await admitted(limiters, 30)).toBe(40)
    expect(world.redis.state).toBe('up')
  })
})

import { describe, expect, test } from 'vitest'

import { PATIENT, startRedis } from '../../platform/redis/redis-server.fixture.ts'
import { hasRedisServer } from '../../testing/test-redis.ts'
import { describeRateLimitStore } from './rate-limit-store.contract.fixture.ts'
import { createRedisStore } from './redis-store.ts'

const rate = { amount: 6, windowMs: 3_600_000 }
const charge = (cost: number) => ({ name: 'limit', key: 'key', rate, cost })

describe.skipIf(!(await hasRedisServer()))('a store in Redis', () => {
  describeRateLimitStore(async () => {
    const world = await startRedis(PATIENT)
    return {
      store: createRedisStore(world.redis),
      [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    }
  })

  test('keeps each bucket for as long as it is not full, and not longer', async () => {
    await using world = await startRedis(PATIENT)
    await createRedisStore(world.redis).take([charge(2)])
    const keys = await world.redis.run((client) => client.keys('*'))
    expect(keys).toEqual(['test:limit:key'])
    const ttlMs = await world.redis.run((client) => client.pttl('limit:key'))
    expect(ttlMs).toBeGreaterThan(1_100_000)
    expect(ttlMs).toBeLessThanOrEqual(1_200_000)
  })

  test('is one to all processes, and asks in one round trip', async () => {
    await using world = await startRedis(PATIENT)
    const stores = [createRedisStore(world.redis), createRedisStore(world.redis)]
    const takes = Array.from({ length: 25 }, () => stores.map((store) => store.take([charge(1)])))
    const verdicts = await Promise.all(takes.flat())
    expect(verdicts.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(6)
    const info = await world.redis.run((client) => client.info('commandstats'))
    expect(info).toMatch(/cmdstat_evalsha:calls=50,/)
  })

  test('that is out of memory takes from no limit at all', async () => {
    await using world = await startRedis({
      ...PATIENT,
      settings: { 'maxmemory-policy': 'noeviction' },
    })
    await world.redis.run((client) => client.config('SET', 'maxmemory', '1'))
    const store = createRedisStore(world.redis)
    await expect(store.take([charge(1)])).rejects.toMatchObject({ failure: 'refused' })
    await world.redis.run((client) => client.config('SET', 'maxmemory', '0'))
    expect(await store.take([charge(6)])).toMatchObject({ outcome: 'admitted' })
  })
})

import { measure } from '../../platform/cost.fixture.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createRedis } from '../../platform/redis/redis.ts'
import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { createMemoryStore } from './memory-store.ts'
import type { RateLimitStore } from './rate-limit-store.ts'
import { createRedisStore } from './redis-store.ts'

/** What a take costs, for `bench/policies.ts`: a JSON line for each figure. */

const CALLERS = 1_000
const AT_ONCE = 50

const rate = { amount: 1_000_000, windowMs: 60_000 }

const inMemory = takeOf(createMemoryStore({ metrics: createMetrics() }))
await measure('rate limit in memory', { times: 50_000 }, inMemory)
if (await hasRedisServer()) {
  await using server = await startTestRedis()
  const parts = { log: createLogger('silent'), metrics: createMetrics() }
  const redis = createRedis({ url: server.url, keyPrefix: 'bench:' }, parts)
  await using closing = new AsyncDisposableStack()
  closing.defer(() => redis.close())
  await redis.connect()
  const ping = () => redis.run((client) => client.ping())
  const take = takeOf(createRedisStore(redis))
  await measure('a bare round trip to Redis', { times: 5_000 }, ping)
  await measure('rate limit in Redis', { times: 5_000 }, take)
  await measure('a bare round trip to Redis', { times: 20_000, atOnce: AT_ONCE }, ping)
  await measure('rate limit in Redis', { times: 20_000, atOnce: AT_ONCE }, take)
}

/** Two limits by one call, of one caller after the other. */
function takeOf(store: RateLimitStore) {
  return (n: number) =>
    store.take([
      { name: 'reads', key: `reads ${n % CALLERS}`, rate, cost: 1 },
      { name: 'address', key: `address ${n % CALLERS}`, rate, cost: 1 },
    ])
}

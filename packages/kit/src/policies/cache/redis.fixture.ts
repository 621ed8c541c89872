import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createRedis } from '../../platform/redis/redis.ts'

/**
 * A process' way to the Redis of a test, with the listeners that `prepare` adds to it. `timeoutMs` is
 * for tests of what holds while Redis answers, on a machine that may be busy.
 */
export async function connectRedis<T>(
  url: string,
  prepare: (redis: ReturnType<typeof createRedis>) => T,
  timeoutMs?: number,
) {
  const parts = { log: createLogger('silent'), metrics: createMetrics() }
  const redis = createRedis(
    { url, keyPrefix: 'test:', ...(timeoutMs !== undefined && { timeoutMs }) },
    parts,
  )
  const prepared = prepare(redis)
  await redis.connect()
  return { redis, prepared, [Symbol.asyncDispose]: () => redis.close() }
}

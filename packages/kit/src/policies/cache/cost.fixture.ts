import { systemClock } from '../../platform/clock.ts'
import { createMetrics } from '../../platform/metrics.ts'
import type { Redis } from '../../platform/redis/redis.ts'
import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { createCache } from './cache.ts'
import type { Codec } from './reader.ts'
import { connectRedis } from './redis.fixture.ts'

/** What a read costs, for `bench/policies.ts`: a JSON line for each figure. */

const KEYS = 1_000
const AT_ONCE = 50
const ROUNDS = 5

/** Text as it is: the codec of the answers has figures of its own. */
const plain: Codec<string> = { encode: (text) => text, decode: (text) => text }

/** 1 KB. */
const answer = 'x'.repeat(1_024)

const roomy = { maxEntries: 10_000, maxBytes: 100_000_000 }
const none = { maxEntries: 0, maxBytes: 0 }

const memory = readerOf(roomy)
await measure('cache: hit in the process, no tags', memory([]), { reads: 50_000 })
await measure('cache: hit in the process, 2 tags', memory(['items', 'owner']), { reads: 50_000 })
await measure('cache: miss, 2 tags', readerOf(none)(['items', 'owner']), { reads: 20_000 })

if (await hasRedisServer()) {
  await using server = await startTestRedis()
  await using near = await connectRedis(server.url, (redis) => readerOf(roomy, redis))
  await using far = await connectRedis(server.url, (redis) => readerOf(none, redis))
  const ping = () => near.redis.run((client) => client.ping())
  for (const load of [{ reads: 5_000 }, { reads: 20_000, atOnce: AT_ONCE }]) {
    await measure('a bare round trip to Redis', ping, load)
    await measure('cache: hit in the process, no tags, with Redis', near.prepared([]), load)
    await measure(
      'cache: hit in the process, 2 tags in Redis',
      near.prepared(['items', 'owner']),
      load,
    )
    await measure('cache: hit in Redis, 2 tags', far.prepared(['items', 'owner']), load)
  }
}

/** Reads of one key after the other, through a cache with so much room. */
function readerOf(l1: typeof roomy, redis?: Redis) {
  const cache = createCache({ l1, redis, metrics: createMetrics(), clock: systemClock })
  return (tags: readonly string[]) => (n: number) =>
    cache.read({
      key: `${tags.length} ${n % KEYS}`,
      tags,
      ttlMs: 600_000,
      codec: plain,
      fill: async () => answer,
    })
}

/** Prints the median of a few rounds, in microseconds for each read. */
async function measure(
  name: string,
  read: (n: number) => Promise<unknown>,
  { reads, atOnce = 1 }: { readonly reads: number; readonly atOnce?: number },
): Promise<void> {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now()
    for (let n = 0; n < reads; n += atOnce) {
      if (atOnce === 1) await read(n)
      else await Promise.all(Array.from({ length: atOnce }, (_, k) => read(n + k)))
    }
    if (round > 0) rounds.push(((performance.now() - startedAt) * 1_000) / reads) // the first warms up
  }
  const microseconds = rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]
  process.stdout.write(`${JSON.stringify({ name, atOnce, microseconds })}\n`)
}

import { describe, expect, test } from 'vitest'

import { startNotifications } from '../../db/notifications.ts'
import { openDatabase } from '../../db/open.ts'
import { openPool } from '../../db/pool.ts'
import { createSharedDatabase } from '../../db/shared-database.fixture.ts'
import { inTransaction } from '../../db/transaction.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import type { Redis } from '../../platform/redis/redis.ts'
import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { countedQuery, json, openCache } from './cache.fixture.ts'
import { connectRedis } from './redis.fixture.ts'

const tagged = { key: 'one', tags: ['a'], ttlMs: 60_000, codec: json }

type SharedDatabase = Awaited<ReturnType<typeof createSharedDatabase>>

/** One process: its pool, what it hears, its cache. */
async function openProcess({ config }: SharedDatabase, redis?: Redis) {
  await using stack = new AsyncDisposableStack()
  const parts = { log: createLogger('silent'), metrics: createMetrics() }
  const db = openDatabase(openPool(config, parts.log), config)
  stack.defer(() => db.destroy())
  const bus = startNotifications(config, parts)
  stack.defer(() => bus.stop())
  const { cache } = stack.use(openCache({ bus, redis }))
  const probe = bus.listen('probe', { onMessage: () => {}, onUp: () => {} })
  await expect.poll(() => probe.state).toBe('up') // and so the channel of the cache, which is older
  probe.close()
  const running = stack.move()
  return {
    cache,
    db,
    /** A change of the tag that commits, or does not. */
    async change(tags: readonly string[], end: 'commit' | 'rollback' = 'commit') {
      const marks = await cache.mark(tags)
      const ended = inTransaction(db, async (transaction) => {
        await marks.announce(transaction)
        if (end === 'rollback') throw new Error('rolled back')
      })
      await ended.catch(() => {})
      await marks.clear()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

test('a change in one process is heard by the others when it commits', async () => {
  await using database = await createSharedDatabase()
  await using here = await openProcess(database)
  await using there = await openProcess(database)
  const query = countedQuery((run) => run)
  const read = async (key: string, tag: string) =>
    (await there.cache.read({ ...tagged, key, tags: [tag], fill: query.fill })).state
  await Promise.all([read('a', 'a'), read('b', 'b'), read('c', 'c')])
  await here.change(['a'], 'rollback')
  await here.change(['b'])
  await expect.poll(() => read('b', 'b')).toBe('miss')
  expect([await read('a', 'a'), await read('c', 'c')]).toEqual(['hit', 'hit'])
  await here.change(Array.from({ length: 5_000 }, (_, index) => `a tag with a long name: ${index}`))
  await expect.poll(() => read('c', 'c')).toBe('miss') // more than can be told is everything
})

test('a purge in one process is heard by the others', async () => {
  await using database = await createSharedDatabase()
  await using here = await openProcess(database)
  await using there = await openProcess(database)
  const untagged = { key: 'two', ttlMs: 60_000, codec: json, fill: async () => 1 }
  await there.cache.read(untagged)
  expect((await there.cache.read(untagged)).state).toBe('hit')
  await here.cache.purge('all', here.db)
  await expect.poll(async () => (await there.cache.read(untagged)).state).toBe('miss')
})

describe.skipIf(!(await hasRedisServer()))('with a Redis', () => {
  test('a change in a process that does not reach it is heard by those that do', async () => {
    await using stack = new AsyncDisposableStack()
    const database = stack.use(await createSharedDatabase())
    const server = stack.use(await startTestRedis())
    const reached = stack.use(await connectRedis(server.url, () => {}))
    const away = stack.use(await connectRedis('redis://127.0.0.1:1', () => {}))
    const there = stack.use(await openProcess(database, reached.redis))
    const here = stack.use(await openProcess(database, away.redis))
    let row = 'old'
    const fill = async () => row
    const read = async () => (await there.cache.read({ ...tagged, fill })).value
    await read()
    row = 'new'
    expect(await read()).toBe('old')
    await here.change(['a'])
    await expect.poll(read).toBe('new')
  })
})

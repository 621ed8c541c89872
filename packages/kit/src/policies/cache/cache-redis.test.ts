import { describe, expect, test } from 'vitest'

import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { countedQuery, json, openCache, ticks } from './cache.fixture.ts'
import type { CacheOptions } from './cache.ts'
import { connectRedis } from './redis.fixture.ts'

const tagged = { key: 'one', tags: ['a'], ttlMs: 60_000, codec: json }

/** Two processes' caches on one Redis. */
async function twoCaches(options: Partial<CacheOptions> = {}) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startTestRedis())
  const open = () => connectRedis(server.url, (redis) => openCache({ ...options, redis }))
  const [here, there] = [stack.use(await open()), stack.use(await open())]
  const running = stack.move()
  return {
    server,
    caches: [here.prepared.cache, there.prepared.cache] as const,
    redis: [here.redis, there.redis] as const,
    isUp: () => here.redis.state === 'up' && there.redis.state === 'up',
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describe.skipIf(!(await hasRedisServer()))('two processes with a Redis', () => {
  test('share what one has filled', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    const query = countedQuery((run) => ({ run }))
    expect(await here.read({ ...tagged, fill: query.fill })).toEqual({
      value: { run: 1 },
      state: 'miss',
    })
    expect(await there.read({ ...tagged, fill: query.fill })).toEqual({
      value: { run: 1 },
      state: 'hit',
    })
    const untagged = { key: 'two', ttlMs: 60_000, codec: json }
    expect((await here.read({ ...untagged, fill: async () => null })).state).toBe('miss')
    expect(await there.read({ ...untagged, fill: async () => 1 })).toEqual({
      value: null,
      state: 'hit',
    })
  })

  test('see a change of the other at once, and nothing from before it', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    const query = countedQuery((run) => run)
    const read = () => there.read({ ...tagged, fill: query.fill })
    expect([(await read()).state, (await read()).state]).toEqual(['miss', 'hit'])
    const marks = await here.mark(['a'])
    expect([await read(), await read()]).toEqual([
      { value: 2, state: 'miss' },
      { value: 3, state: 'miss' },
    ])
    await marks.clear()
    expect([await read(), await read()]).toEqual([
      { value: 4, state: 'miss' },
      { value: 4, state: 'hit' },
    ])
  })

  test('renew what has expired once, while both serve it stale', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    const query = countedQuery((run) => run)
    const stale = { ...tagged, ttlMs: 50, staleMs: 60_000, fill: query.fill }
    await here.read(stale)
    await expect.poll(async () => (await there.read(stale)).state).toBe('stale')
    await expect.poll(async () => (await there.read(stale)).value).toBeGreaterThan(1)
  })

  test('run a query once for a thousand reads, and twice when the first one fails', async () => {
    await using two = await twoCaches()
    const readAll = (key: string, fill: () => Promise<number>) =>
      Promise.allSettled(
        Array.from({ length: 1_000 }, (_, index) =>
          (index % 2 ? two.caches[0] : two.caches[1]).read({ ...tagged, key, fill }),
        ),
      )
    // Code that runs for the first time can hold this one process for longer than Redis may take.
    await readAll('warm', async () => 1)
    for (const failures of [0, 1]) {
      let [runs, running, most] = [0, 0, 0]
      const settled = await readAll(`${failures} failures`, async () => {
        const run = ++runs
        most = Math.max(most, ++running)
        await ticks(20)
        running--
        if (run <= failures) throw new Error('no')
        return run
      })
      const rejected = settled.filter(({ status }) => status === 'rejected')
      expect([runs, most, rejected.length]).toEqual([1 + failures, 1, failures])
    }
  })

  test('fill for one that died while it filled', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    const stuck = here.read({ ...tagged, fill: () => new Promise(() => {}) }).catch(() => {})
    await expect.poll(() => two.redis[1].run((client) => client.keys('*fill*'))).toHaveLength(1)
    await two.redis[0].close() // renews its lock no more
    expect(await there.read({ ...tagged, fill: async () => 'answer' })).toEqual({
      value: 'answer',
      state: 'miss',
    })
    expect(await Promise.race([stuck, Promise.resolve('still stuck')])).toBe('still stuck')
  })

  test('read after a change without waiting for a fill that began before it', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    const slow = Promise.withResolvers<string>()
    const before = here.read({ ...tagged, fill: () => slow.promise })
    await expect.poll(() => two.redis[1].run((client) => client.keys('*fill*'))).toHaveLength(1)
    const marks = await there.mark(['a'])
    await marks.clear()
    expect((await there.read({ ...tagged, fill: async () => 'new' })).value).toBe('new')
    slow.resolve('old')
    await before
    expect((await there.read({ ...tagged, fill: async () => 'newer' })).value).not.toBe('old')
    expect((await here.read({ ...tagged, fill: async () => 'newer' })).value).not.toBe('old')
  })

  test('read from the database while Redis is away, and change what it has when it is back', async () => {
    await using two = await twoCaches()
    const [here, there] = two.caches
    await here.read({ ...tagged, fill: async () => 'old' })
    await two.server.kill()
    await expect.poll(() => two.isUp()).toBe(false)
    const query = countedQuery(async () => {
      await ticks(10)
      return 'new'
    })
    const reads = await Promise.all(
      Array.from({ length: 20 }, () => here.read({ ...tagged, fill: query.fill })),
    )
    expect(new Set(reads.map(({ value }) => value))).toEqual(new Set(['new']))
    expect(query.runs).toBe(1)
    const marks = await there.mark(['a'])
    await marks.clear()
    expect(marks.fresh).toBe(true)
    await two.server.restart()
    await expect.poll(() => two.isUp(), { timeout: 10_000 }).toBe(true)
    expect(marks.fresh).toBe(false)
    expect((await here.read({ ...tagged, fill: async () => 'newest' })).value).toBe('newest')
  })

  test('believe a Redis that refused a change only when it has taken it', async () => {
    await using two = await twoCaches()
    const [here] = two.caches
    const [, redis] = two.redis
    const read = () => here.read({ ...tagged, fill: async () => 'new' })
    await here.read({ ...tagged, fill: async () => 'old' })
    await redis.run((client) => client.config('SET', 'maxmemory', '1'))
    const marks = await here.mark(['a'])
    await marks.clear()
    expect([await read(), await read()]).toEqual([
      { value: 'new', state: 'miss' },
      { value: 'new', state: 'miss' },
    ])
    await redis.run((client) => client.config('SET', 'maxmemory', '0'))
    expect([await read(), await read()]).toEqual([
      { value: 'new', state: 'miss' },
      { value: 'new', state: 'hit' },
    ])
  })

  test('read within the time of one command when Redis hangs, and soon without waiting', async () => {
    await using two = await twoCaches()
    const [here] = two.caches
    two.server.pause()
    const fill = async () => 'answer'
    const reads = Array.from({ length: 10 }, (_, index) =>
      here.read({ ...tagged, key: `key:${index}`, fill }),
    )
    const answers = await Promise.all(reads)
    expect(answers.every(({ value }) => value === 'answer')).toBe(true)
    await expect
      .poll(async () => {
        await here.read({ ...tagged, fill })
        return two.redis[0].state
      })
      .toBe('down')
    two.server.resume()
    await expect.poll(() => two.isUp(), { timeout: 10_000 }).toBe(true)
    await here.read({ ...tagged, fill })
    expect((await here.read({ ...tagged, fill })).state).toBe('hit')
  })

  test('keep no lock and no entry that lasts for ever', async () => {
    await using two = await twoCaches()
    const [here] = two.caches
    await here.read({ ...tagged, fill: async () => 'a' })
    await here
      .read({ ...tagged, key: 'fails', fill: () => Promise.reject(new Error('no')) })
      .catch(() => {})
    const [, redis] = two.redis
    expect(await redis.run((client) => client.keys('*fill*'))).toEqual([])
    expect(await redis.run((client) => client.pttl('cache:entry:one'))).toBeGreaterThan(0)
  })
})

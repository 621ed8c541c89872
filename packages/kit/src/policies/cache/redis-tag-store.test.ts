import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { createRedisTagStore } from './redis-tag-store.ts'
import { connectRedis } from './redis.fixture.ts'
import { testTagStore } from './tag-store-contract.fixture.ts'

interface Options {
  /** Whether Redis comes back with what it had. */
  readonly keeps?: boolean
}

async function twoProcesses({ keeps = false }: Options = {}) {
  await using stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'tautline-redis-'))
  stack.defer(() => rm(dir, { recursive: true }))
  const settings = { dir, ...(keeps && { appendonly: 'yes', appendfsync: 'always' }) }
  const server = stack.use(await startTestRedis({ settings }))
  const here = stack.use(await connectRedis(server.url, createRedisTagStore))
  const there = stack.use(await connectRedis(server.url, createRedisTagStore))
  const running = stack.move()
  return {
    server,
    here,
    there,
    stores: [here.prepared, there.prepared] as const,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describe.skipIf(!(await hasRedisServer()))('with a Redis', () => {
  testTagStore('Redis', () => twoProcesses())

  test('reads of one tick are one MGET', async () => {
    await using two = await twoProcesses()
    const [store] = two.stores
    const calls = async () => {
      const text = await two.there.redis.run((client) => client.info('commandstats'))
      return Number(/cmdstat_mget:calls=(\d+)/.exec(text)?.[1] ?? 0)
    }
    await store.read(['a'])
    const before = await calls()
    await Promise.all(Array.from({ length: 100 }, () => store.read(['a'])))
    expect((await calls()) - before).toBe(1)
  })

  test('a flushed Redis has no version that was there before', async () => {
    await using two = await twoProcesses()
    const [here] = two.stores
    const before = [await here.read(['a']), await here.read([])]
    await two.there.redis.run((client) => client.flushall())
    const after = [await here.read(['a']), await here.read([])]
    expect(after[0]?.version).not.toBe(before[0]?.version)
    expect(after[1]?.version).not.toBe(before[1]?.version)
  })

  test('a Redis that comes back with an old snapshot has no version that was there before', async () => {
    await using two = await twoProcesses({ keeps: true })
    const [here, there] = two.stores
    const before = [await here.read(['a']), await there.read([])]
    const { connection } = here
    await two.server.restart()
    await expect
      .poll(() => [two.here.redis.state, two.there.redis.state], { timeout: 10_000 })
      .toEqual(['up', 'up'])
    expect(here.connection).toBeGreaterThan(connection)
    const after = [await here.read(['a']), await there.read([])]
    expect(tail(after[0])).toBe(tail(before[0])) // the snapshot was there
    expect(after[0]?.version).not.toBe(before[0]?.version)
    expect(after[1]?.version).not.toBe(before[1]?.version)
  })

  test('keys of tags that nobody uses any more expire', async () => {
    await using two = await twoProcesses()
    const [store] = two.stores
    await store.read(['a'])
    await store.mark(['b'], { id: 'one', ttlMs: 60_000 })
    const { redis } = two.there
    const keys = await redis.run((client) => client.keys('*'))
    expect(keys).toHaveLength(4)
    const lives = await redis.run((client) =>
      Promise.all(keys.map((key) => client.pttl(key.replace('test:', '')))),
    )
    const lasting = keys.filter((_, index) => lives[index] === -1)
    expect(lasting).toEqual(['test:cache:epoch'])
  })
})

/** The version of the tag alone, without the epoch. */
const tail = (state: { readonly version: string } | undefined) => state?.version.split(' ')[1]

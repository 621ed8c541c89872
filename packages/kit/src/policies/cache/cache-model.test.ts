import { setTimeout as pause } from 'node:timers/promises'

import { describe, expect, test } from 'vitest'

import { hasRedisServer, startTestRedis } from '../../testing/test-redis.ts'
import { json, openCache, ticks } from './cache.fixture.ts'
import type { Cache } from './cache.ts'
import { connectRedis } from './redis.fixture.ts'

const operations = process.env.TEST_FULL === '1' ? 100_000 : 4_000

/** Marks of writers that died expire soon: while they stand, nothing is kept. */
const markTtlMs = 10

const ROWS = 8

/**
 * Rows of one number each, which only grows, with several readers and writers. A read that began
 * after a commit and brings less than was committed is stale; the checker knows nothing of caches.
 */
function createWorld(seed: number) {
  const random = createRandom(seed)
  const committed: number[] = Array(ROWS).fill(0)
  const locks: Promise<void>[] = Array(ROWS).fill(Promise.resolve())
  const tally = { reads: 0, hits: 0, commits: 0, rollbacks: 0, crashes: 0, stale: 0 }
  const pick = (count: number) => Math.floor(random() * count)

  async function query(row: number): Promise<number> {
    await ticks(pick(4))
    const value = committed[row] ?? 0
    await ticks(pick(4))
    return value
  }

  async function read(cache: Cache, tagged: boolean): Promise<void> {
    const row = pick(ROWS)
    const least = committed[row] ?? 0
    const { value, state } = await cache.read({
      key: `row:${row}`,
      tags: tagged ? [`row:${row}`, 'rows'] : [],
      ttlMs: 50,
      staleMs: tagged ? 50 : 0,
      codec: json,
      fill: () => query(row),
    })
    tally.reads++
    if (state === 'hit' || state === 'stale') tally.hits++
    if (Number(value) < least) tally.stale++
  }

  /** One transaction at a time holds a row, as its lock in the database has it. */
  function write(cache: Cache): Promise<void> {
    const row = pick(ROWS)
    const done = (locks[row] ?? Promise.resolve()).then(() => transaction(cache, row))
    locks[row] = done
    return done
  }

  async function transaction(cache: Cache, row: number): Promise<void> {
    const ends = pick(30)
    const tags = [pick(20) === 0 ? 'rows' : `row:${row}`]
    const marks = [await cache.mark(tags)]
    await ticks(pick(6))
    if (ends === 0) return void tally.crashes++ // before the commit
    if (ends === 1) tally.rollbacks++
    else {
      while (!marks.at(-1)?.fresh) marks.push(await cache.mark(tags))
      committed[row] = (committed[row] ?? 0) + 1
      tally.commits++
      if (ends === 2) return void tally.crashes++ // before the marks are cleared
      await ticks(pick(3))
    }
    for (const mark of marks) await mark.clear()
  }

  return {
    tally,
    async run(caches: readonly Cache[], { tagged }: { readonly tagged: boolean }): Promise<void> {
      let left = operations
      const worker = async () => {
        while (left-- > 0) {
          const cache = caches[pick(caches.length)]
          if (!cache) throw new Error('There is no cache.')
          await (pick(8) === 0 ? write(cache) : read(cache, tagged))
          if (pick(50) === 0) await pause(1)
        }
      }
      await Promise.all(Array.from({ length: 16 }, worker))
    },
  }
}

/** mulberry32: a run can be repeated by its seed, as far as the machine's timing allows. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Everything that could happen has happened, and often enough. */
function expectBusy({
  hits,
  commits,
  rollbacks,
  crashes,
}: ReturnType<typeof createWorld>['tally']): void {
  expect(Math.min(hits, commits)).toBeGreaterThan(100)
  expect(Math.min(rollbacks, crashes)).toBeGreaterThan(2)
}

const hasRedis = await hasRedisServer()

/** The same in each short run; the full runs go where none has been. */
const anySeed = process.env.TEST_FULL === '1' ? Math.floor(Math.random() * 1e9) : 20_261_122
const seed = Number(process.env.SEED ?? anySeed)

describe(`random reads, commits, rollbacks and crashes (SEED=${seed})`, () => {
  test('in one process never read what is older than a commit before the read', async () => {
    using opened = openCache({ markTtlMs })
    const world = createWorld(seed)
    await world.run([opened.cache], { tagged: true })
    expectBusy(world.tally)
    expect(world.tally.stale).toBe(0)
  })

  test('without tags read stale answers, and the checker sees it', async () => {
    using opened = openCache({ markTtlMs })
    const world = createWorld(seed)
    await world.run([opened.cache], { tagged: false })
    expect(world.tally.stale).toBeGreaterThan(20)
  })

  test.skipIf(!hasRedis)('in two processes with a Redis never read what is older', async () => {
    await using stack = new AsyncDisposableStack()
    const server = stack.use(await startTestRedis())
    const open = () => connectRedis(server.url, (redis) => openCache({ markTtlMs, redis }), 5_000)
    const [here, there] = [stack.use(await open()), stack.use(await open())]
    const world = createWorld(seed)
    await world.run([here.prepared.cache, there.prepared.cache], { tagged: true })
    expectBusy(world.tally)
    expect(world.tally.stale).toBe(0)
  })
})

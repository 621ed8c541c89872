import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { until } from '../dev/wait.ts'
import { startServerProcess } from '../faults/server-process.ts'
import { FEW } from '../limits/effects-app.ts'
import { p99Of, startSteadyCalls } from '../login-flood/steady-calls.ts'
import { redisPath } from '../setup/has-redis.ts'
import { somebody, startWorld, type Somebody, type World } from './world.ts'

const full = process.env.TEST_FULL === '1'

/** Cached reads that go on through a fault. */
const READS = { perSecond: 50, mostAtOnce: 50, count: full ? 250 : 20 }

/** What a Redis that is away may add to a call: little, once it is known to be away. */
const MAX_ADDED_P99_MS = full ? 50 : Infinity

/** What it may add to the calls that find it out. They wait 150 ms at each use. */
const MAX_TOOK_MS = full ? 1_000 : Infinity

const RECOVERED_MS = full ? 3_000 : 20_000

/** More would be a queue: it is as many as there are calls at the same time, and a few uses of each. */
const MOST_IN_FLIGHT = 4 * READS.mostAtOnce

interface Fault {
  begin(world: World): unknown
  end(world: World): unknown
  /** What the limit admits meanwhile; one that begins anew may admit as much again. */
  readonly admits: readonly [least: number, most: number]
  /** What `/readyz` says meanwhile; nothing where it is over at once. */
  readonly degraded?: readonly string[]
}

const exactly = [FEW.amount, FEW.amount] as const
const twiceAtMost = [FEW.amount, 2 * FEW.amount] as const
const nothing = () => {}

const FAULTS: Readonly<Record<string, Fault>> = {
  'refuses connections': {
    begin: ({ way }) => way.refuse(),
    end: ({ way }) => way.accept(),
    admits: exactly,
    degraded: ['redis'],
  },
  hangs: {
    begin: ({ redis }) => redis.pause(),
    end: ({ redis }) => redis.resume(),
    admits: exactly,
    degraded: ['redis'],
  },
  'is slow': {
    begin: ({ way }) => void (way.delayMs = 300),
    end: ({ way }) => void (way.delayMs = 0),
    admits: exactly,
    degraded: ['redis'],
  },
  'takes no writes': {
    begin: ({ redis }) => redis.tell('REPLICAOF 127.0.0.1 1'),
    end: ({ redis }) => redis.tell('REPLICAOF NO ONE'),
    admits: exactly,
    degraded: [],
  },
  'is out of memory': {
    begin: ({ redis }) => redis.tell('CONFIG SET maxmemory 1'),
    end: ({ redis }) => redis.tell('CONFIG SET maxmemory 0'),
    admits: exactly,
    degraded: [],
  },
  'has forgotten everything': {
    begin: ({ redis }) => redis.tell('FLUSHALL'),
    end: nothing,
    admits: twiceAtMost,
  },
  'was restarted': { begin: ({ redis }) => redis.restart(), end: nothing, admits: twiceAtMost },
}

describe.skipIf(redisPath === undefined)('with a Redis that', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld('real')
  })
  afterAll(() => world[Symbol.asyncDispose]())

  /** Everything at once, and what the server then tells of itself. */
  async function observe(reader: Somebody, fault: Fault) {
    const [meanwhile] = await Promise.all([readOn(reader), expectAllFeatures(world, fault)])
    return { meanwhile, ...(await world.backend.look()) }
  }

  test.each(Object.entries(FAULTS))('%s everything goes on', async (name, fault) => {
    const { backend } = world
    const reader = await somebody(backend.url)
    const atRest = await readOn(reader)
    await backend.look() // forgets the worst so far

    await fault.begin(world)
    const { meanwhile, gauges, most } = await observe(reader, fault).finally(() => fault.end(world))
    const recoveredMs = await recovery(world, reader)

    const p99Ms = { atRest: p99Of(atRest), meanwhile: p99Of(meanwhile) }
    const worstMs = Math.max(...meanwhile.map(({ tookMs }) => tookMs))
    console.info(name, { p99Ms, worstMs, recoveredMs, most })
    expect(meanwhile.map(({ outcome }) => outcome).filter((it) => it !== 'OK')).toEqual([])
    // Those that find out wait; of many calls they are the smaller part.
    const later = meanwhile.slice(meanwhile.length / 4)
    expect(p99Of(later)).toBeLessThanOrEqual(p99Ms.atRest + MAX_ADDED_P99_MS)
    expect(worstMs).toBeLessThanOrEqual(MAX_TOOK_MS)
    expect(recoveredMs).toBeLessThanOrEqual(RECOVERED_MS)
    expect(most.redis_in_flight ?? 0).toBeLessThanOrEqual(MOST_IN_FLIGHT)
    expect(gauges.redis_in_flight).toBeLessThanOrEqual(MOST_IN_FLIGHT)
    await until('nothing to be left over', async () => {
      return (await backend.look()).gauges.redis_in_flight === 0
    })
  })
})

test('`start` says what is of each process alone without a Redis', async () => {
  await using server = await startServerProcess()
  const said = () => server.logs.map(({ msg }) => msg)
  await expect
    .poll(said)
    .toContain('no Redis: each process counts its limits and keeps its cache by itself')
})

test.skipIf(redisPath === undefined)(
  'without a Redis everything goes on in the process',
  async () => {
    await using world = await startWorld('none')
    const fault = { begin: nothing, end: nothing, admits: exactly, degraded: [] }
    await expectAllFeatures(world, fault)
    const { counters, gauges } = await world.backend.look()
    expect(counters.rate_limit_fallbacks_total).toBeUndefined()
    expect(Object.keys(gauges).filter((gauge) => gauge.startsWith('redis_'))).toEqual([])
    expect(world.backend.logs.join('')).not.toContain('Redis is away')
  },
)

/** Feature by feature, what is promised while Redis is away. */
async function expectAllFeatures({ backend }: World, { admits, degraded }: Fault): Promise<void> {
  const anna = await somebody(backend.url) // registers, in Postgres
  await anna.signIn()

  // The cache: what was changed is read at once, hit or not.
  for (let round = 0; round < 3; round++) {
    expect(await anna.count()).toBe(round)
    const key = crypto.randomUUID()
    expect(await anna.addOnce(key)).toBe(round + 1)
    expect(await anna.count()).toBe(round + 1)
    // The key: in Postgres, with the change.
    expect(await anna.addOnce(key)).toBe(round + 1)
    expect(await anna.count()).toBe(round + 1)
  }

  // The limit: this process counts on its own.
  let admitted = 0
  for (let n = 0; n < 3 * FEW.amount; n++) admitted += (await anna.addFew()) ? 1 : 0
  expect(admitted).toBeGreaterThanOrEqual(admits[0])
  expect(admitted).toBeLessThanOrEqual(admits[1])

  const state = await backend.readiness()
  expect(state).toEqual({ status: 200, degraded: degraded ?? state.degraded })
}

/** Reads what is cached for a while; resolves to what became of each read. */
async function readOn(reader: Somebody) {
  const reading = startSteadyCalls(READS, async () => {
    await reader.count()
    return 'OK'
  })
  await until('enough reads', () => reading.ended.length >= READS.count)
  return reading.stop()
}

/** Until the limits are counted in Redis again, in milliseconds. */
async function recovery({ backend }: World, prober: Somebody): Promise<number> {
  const since = performance.now()
  await until('Redis to be used again', async () => {
    const before = (await backend.look()).counters.rate_limit_fallbacks_total
    await prober.addFew()
    return (await backend.look()).counters.rate_limit_fallbacks_total === before
  })
  return performance.now() - since
}

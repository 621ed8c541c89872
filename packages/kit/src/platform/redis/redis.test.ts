import { describe, expect, test } from 'vitest'

import { hasRedisServer } from '../../testing/test-redis.ts'
import { RedisUnavailableError } from './redis-error.ts'
import { openRedis, PATIENT, startRedis, timedOutcome } from './redis-server.fixture.ts'
import { createScript } from './script.ts'

const full = process.env.TEST_FULL === '1'

/** Recovery is tried once a second; on a busy machine it may take longer. */
const RECOVERED = { timeout: full ? 3_000 : 15_000, interval: 20 }

/** A use that hangs ends after 150 ms; a machine under load looks late. */
const HANGS_MS = full ? 200 : 900

/** A use that is refused at once does not wait at all. */
const AT_ONCE_MS = full ? 20 : 140

type Started = Awaited<ReturnType<typeof startRedis>>

const read = ({ redis }: Pick<Started, 'redis'>) => redis.run((client) => client.get('key'))

async function expectUnavailable(world: Pick<Started, 'redis'>, failure: string) {
  const { tookMs, error } = await timedOutcome(read(world))
  expect(error).toBeInstanceOf(RedisUnavailableError)
  expect(error).toMatchObject({ failure })
  return tookMs
}

const state = (world: Pick<Started, 'redis'>) => () => world.redis.state

describe('a Redis that is not there', () => {
  test('is told at once and once, and costs no call anything', async () => {
    await using world = openRedis('redis://127.0.0.1:1')
    await world.redis.connect()
    expect(world.redis.state).toBe('down')
    for (let n = 0; n < 100; n++) {
      expect(await expectUnavailable(world, 'away')).toBeLessThan(AT_ONCE_MS)
    }
    expect(world.lines).toHaveLength(1)
    expect(world.lines[0]).toMatch(/ECONNREFUSED.*Redis is away/)
  })

  test('is not used before it is connected to', async () => {
    await using world = openRedis('redis://127.0.0.1:1')
    expect(world.redis.state).toBe('down')
    await expectUnavailable(world, 'away')
  })

  test('whose name leads nowhere is away as well', async () => {
    await using world = openRedis('redis://nowhere.invalid')
    await world.redis.connect()
    expect(await expectUnavailable(world, 'away')).toBeLessThan(AT_ONCE_MS)
  })
})

describe.skipIf(!(await hasRedisServer()))('a real Redis', () => {
  test('answers, under its key prefix', async () => {
    await using world = await startRedis(PATIENT)
    expect(world.redis.state).toBe('up')
    await world.redis.run((client) => client.set('key', 'value'))
    expect(await read(world)).toBe('value')
    expect(await world.redis.run((client) => client.keys('*'))).toEqual(['test:key'])
    expect(world.metrics.snapshot().gauges).toMatchObject({ redis_up: 1, redis_in_flight: 0 })
  })

  test('lets in whom its URL names, and nobody with another password', async () => {
    await using world = await startRedis(PATIENT)
    await world.redis.run((client) =>
      client.acl('SETUSER', 'backend', 'on', '>pass word', '~test:his', '+@all'),
    )
    const withUser = (password: string) => {
      const url = new URL(world.server.url)
      url.username = 'backend'
      url.password = password
      return openRedis(url.href, PATIENT.timeoutMs)
    }
    await using good = withUser('pass word')
    await good.redis.connect()
    expect(await good.redis.run((client) => client.acl('WHOAMI'))).toBe('backend')
    expect(await good.redis.run((client) => client.set('his', 'value'))).toBe('OK')
    await expectUnavailable(good, 'refused')
    await using bad = withUser('wrong')
    await bad.redis.connect()
    await expectUnavailable(bad, 'away')
    expect(bad.lines.join()).toContain('WRONGPASS')
    expect(bad.lines.join()).not.toContain('pass word')
  })

  test('that hangs costs 150 ms a few times, then nothing, and is used again when it wakes', async () => {
    await using world = await startRedis()
    world.server.pause()
    const first: number[] = []
    while (world.redis.state === 'up') first.push(await expectUnavailable(world, 'timeout'))
    expect(first).toHaveLength(5)
    expect(Math.max(...first)).toBeLessThan(HANGS_MS)
    expect(await expectUnavailable(world, 'away')).toBeLessThan(AT_ONCE_MS)
    world.server.resume()
    await expect.poll(state(world), RECOVERED).toBe('up')
    expect(await read(world)).toBeNull()
    expect(world.lines.filter((line) => line.includes('Redis is away'))).toHaveLength(1)
  })

  test('that hangs holds no more than a bound, however much is asked of it', async () => {
    await using world = await startRedis()
    world.server.pause()
    const asked = Array.from({ length: 5_000 }, () => timedOutcome(read(world)))
    expect(world.metrics.snapshot().gauges.redis_in_flight).toBe(1_000)
    const outcomes = await Promise.all(asked)
    const failures = Map.groupBy(outcomes, ({ error }) =>
      error instanceof RedisUnavailableError ? error.failure : 'none',
    )
    expect(failures.get('busy')).toHaveLength(4_000)
    const inFlight = () => world.metrics.snapshot().gauges.redis_in_flight
    await expect.poll(inFlight).toBe(0) // the connection has gone, and its queue with it
    world.server.resume()
    await expect.poll(state(world), RECOVERED).toBe('up')
  })

  test('that is slow is as good as away, until it is fast again', async () => {
    await using world = await startRedis()
    world.proxy.delayMs = 300
    while (world.redis.state === 'up') await expectUnavailable(world, 'timeout')
    // It connects again and again meanwhile, and no call ever waits for it.
    const since = performance.now()
    while (performance.now() - since < 1_500) {
      expect(await expectUnavailable(world, 'away')).toBeLessThan(AT_ONCE_MS)
      await new Promise(setImmediate)
    }
    world.proxy.delayMs = 0
    await expect.poll(state(world), RECOVERED).toBe('up')
  })

  test('that is killed fails what is under way, and is used again after its restart', async () => {
    await using world = await startRedis(PATIENT)
    world.server.pause()
    const asked = timedOutcome(read(world))
    await world.server.kill()
    expect((await asked).error).toBeInstanceOf(RedisUnavailableError)
    await expect.poll(state(world)).toBe('down')
    await world.server.restart()
    await expect.poll(state(world), RECOVERED).toBe('up')
    expect(await read(world)).toBeNull()
  })

  test('that takes no writes still answers reads, and its refusals open no breaker', async () => {
    await using world = await startRedis(PATIENT)
    await world.redis.run((client) => client.set('key', 'value'))
    await world.redis.run((client) => client.replicaof('127.0.0.1', '1'))
    for (let n = 0; n < 30; n++) {
      const write = world.redis.run((client) => client.set('key', 'other'))
      await expect(write).rejects.toMatchObject({ failure: 'refused' })
    }
    expect(world.redis.state).toBe('up')
    expect(await read(world)).toBe('value')
    await world.redis.run((client) => client.replicaof('NO', 'ONE'))
    await world.redis.run((client) => client.set('key', 'other'))
  })

  test('that is out of memory refuses writes, and takes them again when there is some', async () => {
    await using world = await startRedis({
      ...PATIENT,
      settings: { 'maxmemory-policy': 'noeviction' },
    })
    const memory = (bytes: string) =>
      world.redis.run((client) => client.config('SET', 'maxmemory', bytes))
    await memory('1')
    const write = () => world.redis.run((client) => client.set('key', 'value'))
    await expect(write()).rejects.toMatchObject({ failure: 'refused' })
    const script = createScript(`return redis.call('SET', KEYS[1], 'value')`)
    const scripted = world.redis.run((client) => script.run(client, ['key'], []))
    await expect(scripted).rejects.toMatchObject({ failure: 'refused' })
    expect(await read(world)).toBeNull()
    await memory('0')
    expect(await write()).toBe('OK')
  })

  test('runs scripts, also when it has forgotten them', async () => {
    await using world = await startRedis(PATIENT)
    const script = createScript(`return {KEYS[1], ARGV[1]}`)
    const run = () => world.redis.run((client) => script.run(client, ['key'], [7]))
    expect(await run()).toEqual(['test:key', '7'])
    await world.redis.run((client) => client.script('FLUSH'))
    expect(await run()).toEqual(['test:key', '7'])
  })

  test('gives a mistake of the caller back as it is', async () => {
    await using world = await startRedis(PATIENT)
    await world.redis.run((client) => client.lpush('key', 'value'))
    await expect(read(world)).rejects.toThrow('WRONGTYPE')
    const bug = world.redis.run(() => Promise.reject(new TypeError('not a function')))
    await expect(bug).rejects.toThrow(TypeError)
    expect(world.redis.state).toBe('up')
  })

  test('is prepared by the listeners after each connect, before anybody else uses it', async () => {
    await using world = await startRedis(PATIENT)
    const seen: unknown[] = []
    world.redis.onUp(async (client) => {
      seen.push(world.redis.state, await client.incr('epoch'))
    })
    await world.server.restart()
    await expect.poll(state(world), RECOVERED).toBe('up')
    expect(await world.redis.run((client) => client.get('epoch'))).toBe('1')
    await world.server.restart()
    await expect.poll(() => seen.length, RECOVERED).toBe(4)
    expect(seen).toEqual(['down', 1, 'down', 1])
  })

  test('stays down while a listener cannot do its work', async () => {
    await using world = await startRedis(PATIENT)
    let fails = true
    let tries = 0
    world.redis.onUp(async () => {
      tries++
      if (fails) throw new Error('not yet')
    })
    await world.server.restart()
    await expect.poll(() => tries, RECOVERED).toBeGreaterThan(1)
    expect(world.redis.state).toBe('down')
    fails = false
    await expect.poll(state(world), RECOVERED).toBe('up')
  })

  test('is let go of by a caller whose signal aborts', async () => {
    await using world = await startRedis()
    world.server.pause()
    const leaving = new AbortController()
    const asked = world.redis.run((client) => client.get('key'), leaving.signal)
    leaving.abort(new Error('the caller left'))
    await expect(asked).rejects.toThrow('the caller left')
    expect(world.redis.state).toBe('up')
  })

  test('is closed at once, also while it hangs or is away, and leaves nothing behind', async () => {
    for (const trouble of ['none', 'pause', 'kill'] as const) {
      await using world = await startRedis()
      if (trouble !== 'none') await world.server[trouble]()
      const { tookMs } = await timedOutcome(world.redis.close())
      expect(tookMs).toBeLessThan(full ? 500 : 5_000)
      await expectUnavailable(world, 'away')
      expect(world.metrics.snapshot().gauges).toEqual({})
    }
  })
})

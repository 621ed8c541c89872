import { describe, expect, test } from 'vitest'

import { currentCall, within, type CallScope } from '../../platform/call-scope.ts'
import {
  countedQuery,
  createHandBus,
  createTestClock,
  json,
  openCache,
  ticks,
} from './cache.fixture.ts'

const request = { key: 'one', ttlMs: 1_000, codec: json }
const tagged = { ...request, tags: ['a'] }

describe('what is kept', () => {
  test.each([null, undefined, 0, '', false, [], { a: 1 }])(
    '%j is a hit the second time',
    async (value) => {
      using opened = openCache()
      const query = countedQuery(() => value)
      expect(await opened.cache.read({ ...tagged, fill: query.fill })).toEqual({
        value,
        state: 'miss',
      })
      expect(await opened.cache.read({ ...tagged, fill: query.fill })).toEqual({
        value,
        state: 'hit',
      })
      expect(query.runs).toBe(1)
    },
  )

  test('cannot be changed by who has read it', async () => {
    using opened = openCache()
    const query = countedQuery(() => ({ name: 'a' }))
    const first = await opened.cache.read({ ...request, fill: query.fill })
    Object.assign(first.value as object, { name: 'changed' }) // oxlint-disable-line typescript/consistent-type-assertions -- the codec of the test is of unknown values
    expect((await opened.cache.read({ ...request, fill: query.fill })).value).toEqual({ name: 'a' })
  })

  test('a failure is kept by nobody', async () => {
    using opened = openCache()
    const query = countedQuery((run) => {
      if (run === 1) throw new Error('no')
      return run
    })
    await expect(opened.cache.read({ ...tagged, fill: query.fill })).rejects.toThrow('no')
    expect(await opened.cache.read({ ...tagged, fill: query.fill })).toEqual({
      value: 2,
      state: 'miss',
    })
  })

  test('expires after its time, which is up to a tenth shorter or longer', async () => {
    const clock = createTestClock()
    let random = 0
    using opened = openCache({ clock, random: () => random })
    const stateAfter = async (ms: number) => {
      await opened.cache.read({ ...request, key: `${random} ${ms}`, fill: async () => 1 })
      clock.advance(ms)
      return (await opened.cache.read({ ...request, key: `${random} ${ms}`, fill: async () => 1 }))
        .state
    }
    expect([await stateAfter(899), await stateAfter(901)]).toEqual(['hit', 'miss'])
    random = 0.9999
    expect([await stateAfter(1_099), await stateAfter(1_101)]).toEqual(['hit', 'miss'])
  })

  test('is not kept for longer because the clock is set back', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock })
    const query = countedQuery((run) => run)
    await opened.cache.read({ ...request, fill: query.fill })
    clock.advance(-3_600_000)
    expect((await opened.cache.read({ ...request, fill: query.fill })).state).toBe('miss')
  })

  test('is counted, by what became of the reads and by what is there', async () => {
    using opened = openCache()
    const query = countedQuery(() => 'x')
    await Promise.all([1, 2, 3].map(() => opened.cache.read({ ...tagged, fill: query.fill })))
    await opened.cache.read({ ...tagged, fill: query.fill })
    const { counters, gauges } = opened.metrics.snapshot()
    expect(counters).toMatchObject({
      cache_misses_total: 1,
      cache_coalesced_total: 2,
      cache_hits_total: 1,
    })
    expect(gauges).toMatchObject({ cache_entries: 1, cache_fills: 0, cache_tags: 1 })
    expect(gauges.cache_bytes).toBeGreaterThan(0)
  })
})

describe('stale while a new one is made', () => {
  test('an expired answer is served once more, and then the new one', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock })
    const query = countedQuery((run) => run)
    const read = () => opened.cache.read({ ...tagged, staleMs: 500, fill: query.fill })
    await read()
    clock.advance(1_200)
    expect(await Promise.all([read(), read(), read()])).toEqual(
      Array(3).fill({ value: 1, state: 'stale' }),
    )
    await expect.poll(read).toEqual({ value: 2, state: 'hit' })
    expect(query.runs).toBe(2)
    clock.advance(1_500)
    expect(await read()).toEqual({ value: 3, state: 'miss' })
  })

  test('a renewal that fails is told to nobody, and tried again', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock })
    const query = countedQuery((run) => {
      if (run === 2) throw new Error('no')
      return run
    })
    const read = async () =>
      (await opened.cache.read({ ...tagged, staleMs: 500, fill: query.fill })).value
    await read()
    clock.advance(1_200)
    expect(await read()).toBe(1)
    await expect.poll(read).toBe(3)
    expect(opened.metrics.snapshot().counters.cache_renewal_failures_total).toBe(1)
  })

  test('nothing is served stale that was invalidated', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock })
    const query = countedQuery((run) => run)
    const read = () => opened.cache.read({ ...tagged, staleMs: 500, fill: query.fill })
    await read()
    const marks = await opened.cache.mark(['a'])
    await marks.clear()
    clock.advance(1_200)
    expect(await read()).toEqual({ value: 2, state: 'miss' })
  })
})

describe('a change', () => {
  test('makes what was kept under its tags invalid, and nothing else', async () => {
    using opened = openCache()
    const query = countedQuery((run) => run)
    const read = async (key: string, tags: string[]) =>
      (await opened.cache.read({ ...request, key, tags, fill: query.fill })).state
    await read('one', ['a', 'b'])
    await read('other', ['b'])
    await read('none', [])
    const marks = await opened.cache.mark(['a'])
    await marks.clear()
    expect([
      await read('one', ['b', 'a']),
      await read('other', ['b']),
      await read('none', []),
    ]).toEqual(['miss', 'hit', 'hit'])
  })

  test('lets reads by it go to the database, and keeps nothing, until its marks are cleared', async () => {
    using opened = openCache()
    const query = countedQuery((run) => run)
    const read = () => opened.cache.read({ ...tagged, fill: query.fill })
    await read()
    const marks = await opened.cache.mark(['a'])
    expect([await read(), await read()]).toEqual([
      { value: 2, state: 'miss' },
      { value: 3, state: 'miss' },
    ])
    await marks.clear()
    expect(await read()).toEqual({ value: 4, state: 'miss' })
    expect((await read()).state).toBe('hit')
    expect(opened.metrics.snapshot().counters.cache_bypassed_total).toBe(2)
  })

  test('is seen by reads after it, though a fill from before it is still under way', async () => {
    using opened = openCache()
    const slow = Promise.withResolvers<string>()
    const before = opened.cache.read({ ...tagged, fill: () => slow.promise })
    await ticks()
    const marks = await opened.cache.mark(['a'])
    await marks.clear()
    expect((await opened.cache.read({ ...tagged, fill: async () => 'new' })).value).toBe('new')
    slow.resolve('old')
    expect((await before).value).toBe('old')
    expect(await opened.cache.read({ ...tagged, fill: async () => 'newer' })).toEqual({
      value: 'new',
      state: 'hit',
    })
  })

  test('whose marks nobody clears costs misses for their time', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock, markTtlMs: 15_000 })
    const query = countedQuery((run) => run)
    const read = async () =>
      (await opened.cache.read({ ...tagged, ttlMs: 60_000, fill: query.fill })).state
    await read()
    await opened.cache.mark(['a'])
    clock.advance(14_999)
    expect([await read(), await read()]).toEqual(['miss', 'miss'])
    clock.advance(1)
    expect([await read(), await read()]).toEqual(['miss', 'hit'])
  })

  test('has fresh marks for half of their time', async () => {
    const clock = createTestClock()
    using opened = openCache({ clock, markTtlMs: 10_000 })
    const marks = await opened.cache.mark(['a'])
    clock.advance(4_999)
    expect(marks.fresh).toBe(true)
    clock.advance(1)
    expect(marks.fresh).toBe(false)
  })

  test('of everything leaves nothing, tagged or not', async () => {
    using opened = openCache()
    const query = countedQuery((run) => run)
    const read = async (tags: string[]) =>
      (await opened.cache.read({ ...request, key: tags.join(), tags, fill: query.fill })).state
    await Promise.all([read([]), read(['a'])])
    await opened.cache.purge('all')
    expect(opened.metrics.snapshot().gauges.cache_entries).toBe(0)
    expect([await read([]), await read(['a'])]).toEqual(['miss', 'miss'])
    await opened.cache.purge(['a'])
    expect([await read([]), await read(['a'])]).toEqual(['hit', 'miss'])
  })
})

describe('a fill', () => {
  test('runs at most twice for a thousand reads when the first one fails', async () => {
    using opened = openCache()
    const query = countedQuery(async (run) => {
      await ticks(1)
      if (run === 1) throw new Error('no')
      return run
    })
    const reads = Array.from({ length: 1_000 }, () =>
      opened.cache.read({ ...tagged, fill: query.fill }),
    )
    const settled = await Promise.allSettled(reads)
    expect(query.runs).toBe(2)
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  })

  test('is aborted when its time is up, and fails then although it ignores that', async () => {
    using opened = openCache({ fillTimeoutMs: 20 })
    let given: AbortSignal | undefined
    const stuck = (signal: AbortSignal) => {
      given = signal
      return new Promise<never>(() => {})
    }
    await expect(opened.cache.read({ ...tagged, fill: stuck })).rejects.toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
    })
    expect(given?.aborted).toBe(true)
    expect(opened.metrics.snapshot().gauges.cache_fills).toBe(0)
  })

  test('has the time that its read declares, be that shorter or longer than the cache’s own', async () => {
    const stuck = () => new Promise<never>(() => {})
    const late = { reason: 'DEADLINE_EXCEEDED' }
    using patient = openCache()
    const short = patient.cache.read({ ...tagged, fill: stuck, fillTimeoutMs: 20 })
    await expect(short).rejects.toMatchObject(late)
    using hasty = openCache({ fillTimeoutMs: 20 })
    const work = Promise.withResolvers<string>()
    const long = hasty.cache.read({ ...tagged, fill: () => work.promise, fillTimeoutMs: 10_000 })
    const other = hasty.cache.read({ ...tagged, key: 'other', fill: stuck })
    await expect(other).rejects.toMatchObject(late)
    work.resolve('made')
    expect(await long).toEqual({ value: 'made', state: 'miss' })
  })

  test('is not cancelled with the call that began it, also not its queries, while another waits', async () => {
    using opened = openCache()
    const work = Promise.withResolvers<string>()
    const [leaving, staying] = [new AbortController(), new AbortController()]
    let queries: CallScope | undefined
    const fill = () => {
      queries = currentCall()
      return work.promise
    }
    const call = (controller: AbortController) => {
      const { signal } = controller
      const spent = { queries: 0, queryMs: 0, waitMs: 0 }
      const scope = {
        requestId: 'r',
        procedure: 'p',
        kind: 'query' as const,
        signal,
        deadlineAt: performance.now(),
        spent,
        changes: 0,
      }
      return within(scope, () => opened.cache.read({ ...tagged, signal, fill }))
    }
    const [first, second] = [call(leaving), call(staying)]
    await ticks()
    leaving.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    expect(queries?.signal.aborted).toBe(false)
    expect(queries?.deadlineAt).toBeGreaterThan(performance.now())
    work.resolve('answer')
    expect(await second).toEqual({ value: 'answer', state: 'coalesced' })
  })

  test('ends when all who wait for it have gone', async () => {
    using opened = openCache()
    const leaving = new AbortController()
    let given: AbortSignal | undefined
    const fill = (signal: AbortSignal) => {
      given = signal
      return new Promise<never>(() => {})
    }
    const reads = [1, 2].map(() => opened.cache.read({ ...tagged, signal: leaving.signal, fill }))
    await ticks()
    leaving.abort(new Error('gone'))
    const settled = await Promise.allSettled(reads)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(given?.aborted).toBe(true)
  })
})

describe('one of several processes without Redis', () => {
  test('keeps nothing that has tags while it does not hear the others, and what it had is gone', async () => {
    const hand = createHandBus()
    using opened = openCache({ bus: hand.bus })
    const query = countedQuery((run) => run)
    const read = async (tags: string[]) =>
      (await opened.cache.read({ ...request, key: tags.join(), tags, fill: query.fill })).state
    await Promise.all([read(['a']), read([])])
    expect([await read(['a']), await read([])]).toEqual(['hit', 'hit'])
    hand.lose()
    expect([await read(['a']), await read(['a']), await read([])]).toEqual(['miss', 'miss', 'hit'])
    hand.find()
    expect([await read(['a']), await read(['a']), await read([])]).toEqual(['miss', 'hit', 'miss'])
  })

  test('shares one query among reads that come together while it does not hear the others', async () => {
    const hand = createHandBus()
    using opened = openCache({ bus: hand.bus })
    hand.lose()
    const query = countedQuery(async (run) => {
      await ticks()
      return run
    })
    await Promise.all(
      Array.from({ length: 100 }, () => opened.cache.read({ ...tagged, fill: query.fill })),
    )
    expect(query.runs).toBe(1)
  })

  test('forgets what the others have changed, and everything when it cannot read what they say', async () => {
    const hand = createHandBus()
    using opened = openCache({ bus: hand.bus })
    const query = countedQuery((run) => run)
    const read = async (tag: string) =>
      (await opened.cache.read({ ...request, key: tag, tags: [tag], fill: query.fill })).state
    await Promise.all([read('a'), read('b')])
    hand.tell('["a"]')
    expect([await read('a'), await read('b')]).toEqual(['miss', 'hit'])
    hand.tell('what?')
    expect([await read('a'), await read('b')]).toEqual(['miss', 'miss'])
  })
})

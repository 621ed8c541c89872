import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import {
  commonErrors,
  defineError,
  Failure,
  isFailure,
  wire,
  type ErrorDefinition,
} from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { meetingPoint } from '../../db/meeting-point.fixture.ts'
import { within } from '../../platform/call-scope.ts'
import type { KeyedCallPoint } from './keyed-call.ts'
import { fingerprintOf } from './keys.ts'
import { openShop, openTwoShops, sell, sellTooMany, SOLD_OUT } from './shop.fixture.ts'

let shops: Awaited<ReturnType<typeof openTwoShops>>
beforeAll(async () => {
  shops = await openTwoShops()
})
afterAll(() => shops[Symbol.asyncDispose]())
beforeEach(() => shops.ask('truncate sale, tautline.idempotency'))

/** Where work stops until the test goes on; a test that fails keeps no others waiting. */
function halfway() {
  const point = meetingPoint()
  onTestFinished(() => point.letGo())
  return point
}

const otherInput = fingerprintOf('sales.make', '{"json":{"amount":2}}')

describe('a key', () => {
  test('applies its call once, and answers with the same text ever after, in every process', async () => {
    const answer = await shops.first.sell()
    expect(answer).toMatchObject({ replayed: false, text: expect.stringContaining('id') })
    const again = { replayed: true, text: answer.text }
    expect(await shops.first.sell()).toEqual(again)
    expect(await shops.second.sell()).toEqual(again)
    expect(await shops.sales()).toBe(1)
  })

  test('replays any text byte by byte', async () => {
    const text = JSON.stringify({ b: '\u0000 \ud800 “”', a: [1e21, '\\u0000'], ' ': null })
    const encode = () => text
    await shops.first.sell({}, { encode })
    expect(await shops.second.sell()).toEqual({ replayed: true, text })
  })

  test('is refused for another input, which changes nothing', async () => {
    const { text } = await shops.first.sell()
    const other = shops.second.sell({ fingerprint: otherInput })
    await expect(other).rejects.toMatchObject({ reason: 'KEY_REUSED' })
    expect(await shops.sales()).toBe(1)
    expect((await shops.first.sell()).text).toBe(text)
  })

  test('is another one for another caller and for another procedure', async () => {
    const texts = [
      await shops.first.sell(),
      await shops.first.sell({ principal: 'berta', fingerprint: otherInput }),
      await shops.first.sell({ procedure: 'sales.remake', fingerprint: otherInput }),
    ].map(({ text }) => text)
    expect(new Set(texts).size).toBe(3)
    expect(await shops.sales()).toBe(3)
  })

  test.each(['', 'x'.repeat(256), 'ключ', 'a\nb'])('cannot be %j', async (key) => {
    await expect(shops.first.sell({ key })).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    expect(await shops.sales()).toBe(0)
  })
})

describe('a refusal', () => {
  test('that the procedure declares is told again, and all else of its work is undone', async () => {
    const failures = []
    for (const shop of [shops.first, shops.second]) {
      failures.push(await shop.sell({}, { work: sellTooMany }).catch((error: unknown) => error))
    }
    expect(await shops.sales()).toBe(0)
    expect(await shops.keys()).toBe(1)
    // Work that would succeed by now is not done.
    failures.push(await shops.first.sell().catch((error: unknown) => error))
    const told = failures.map((failure) => {
      if (!isFailure(failure)) throw failure
      return JSON.stringify([failure.reason, wire.output.serialize(failure.details.data)])
    })
    expect(told[0]).toContain('"bigint"')
    expect(new Set(told).size).toBe(1)
    const reused = shops.first.sell({ fingerprint: otherInput })
    await expect(reused).rejects.toMatchObject({ reason: 'KEY_REUSED' })
  })

  const UNDECLARED = defineError('UNDECLARED', { code: 'CONFLICT', message: 'Not declared.' })
  const BUSY = defineError('BUSY', { code: 'CONFLICT', message: 'Wait.', retryable: true })
  const NOT_YOURS = defineError('NOT_YOURS', { code: 'FORBIDDEN', message: 'Not yours.' })
  const passing: [string, unknown][] = [
    ['that is not declared', new Failure(UNDECLARED)],
    ['that may be tried again', new Failure(BUSY)],
    ['for want of rights', new Failure(NOT_YOURS)],
    ['for the input', new Failure(commonErrors.BAD_INPUT)],
    ['for the rate', new Failure(commonErrors.RATE_LIMITED)],
    ['for the time', new Failure(commonErrors.DEADLINE_EXCEEDED)],
    ['whose data does not fit', new Failure<ErrorDefinition>(SOLD_OUT, { data: { left: 'none' } })],
    ['that is a bug', new Error('a bug')],
  ]
  test.each(passing)(
    '%s leaves nothing behind, and the key may be used again',
    async (_, error) => {
      const errors = [SOLD_OUT, BUSY, NOT_YOURS, ...Object.values(commonErrors)]
      const work = async (db: Db) => {
        await sell(db)
        throw error
      }
      await expect(shops.first.sell({ errors }, { work })).rejects.toBe(error)
      expect([await shops.sales(), await shops.keys()]).toEqual([0, 0])
      expect(await shops.second.sell()).toMatchObject({ replayed: false })
    },
  )

  test('to be encoded leaves nothing behind', async () => {
    const encode = () => {
      throw new TypeError('It has no wire form.')
    }
    await expect(shops.first.sell({}, { encode })).rejects.toThrow('wire form')
    expect([await shops.sales(), await shops.keys()]).toEqual([0, 0])
  })
})

describe('work that Postgres refuses for a rival', () => {
  const refusals = [
    ['40001', sql`do $$ begin raise sqlstate '40001'; end $$`],
    ['40P01', sql`do $$ begin raise sqlstate '40P01'; end $$`],
  ] as const
  test.each(refusals)('(%s) runs again as a whole, with its claim', async (_, refuse) => {
    let runs = 0
    const work = async (db: Db) => {
      const sold = await sell(db)
      if (++runs < 3) await refuse.execute(db)
      return sold
    }
    const { text } = await shops.first.sell({}, { work })
    expect(runs).toBe(3)
    expect(await shops.second.sell()).toEqual({ replayed: true, text })
    expect([await shops.sales(), await shops.keys()]).toEqual([1, 1])
  })
})

describe('rivals', () => {
  test('of many keys and processes apply each key once, and all get the answer of that one', async () => {
    const count = process.env.TEST_FULL === '1' ? 400 : 20
    const keys = Array.from({ length: count }, (_, index) => `key-${index}`)
    const answers = await Promise.all(
      [shops.first, shops.second].flatMap((shop) =>
        [...keys, ...keys].map(async (key) => [key, (await shop.sell({ key })).text] as const),
      ),
    )
    const texts = Map.groupBy(answers, ([key]) => key)
    for (const of of texts.values()) expect(new Set(of.map(([, text]) => text)).size).toBe(1)
    expect([await shops.sales(), await shops.keys()]).toEqual([count, count])
  })

  test('wait without a connection, so that others of the same pools are not kept waiting', async () => {
    const inside = halfway()
    const slow = shops.first.sell(
      {},
      {
        async work(db) {
          const sold = await sell(db)
          await inside.arrive()
          return sold
        },
      },
    )
    await inside.met(1)
    const rivals = [shops.first, shops.second].flatMap((shop) =>
      Array.from({ length: 50 }, () => shop.sell()),
    )
    const waiting = (shop: typeof shops.first) => shop.metrics.snapshot().gauges.idempotency_waiting
    await expect.poll(() => [waiting(shops.first), waiting(shops.second)]).toEqual([50, 49])
    // One is at work in the first; in the second, one at most asks for the key now and then.
    const { totalCount, idleCount, waitingCount } = shops.first.pool
    expect([totalCount - idleCount, waitingCount]).toEqual([1, 0])
    for (const shop of [shops.first, shops.second]) {
      for (let query = 0; query < 20; query++) await sql`select 1`.execute(shop.db)
    }
    const held = await shops.ask(HELD)
    expect(held.length).toBeLessThanOrEqual(2)
    inside.letGo()
    const { text } = await slow
    const answers = await Promise.all(rivals)
    expect(new Set(answers.map((answer) => answer.text))).toEqual(new Set([text]))
    expect(await shops.sales()).toBe(1)
    expect(shops.first.metrics.snapshot().gauges).toMatchObject({
      idempotency_keys: 0,
      idempotency_waiting: 0,
    })
  })

  test('are told to come again when their time is nearly up, in both processes', async () => {
    const inside = halfway()
    const slow = shops.first.sell(
      {},
      {
        async work(db) {
          await inside.arrive()
          return sell(db)
        },
      },
    )
    await inside.met(1)
    for (const shop of [shops.first, shops.second]) {
      const rival = shop.sell({ remainingMs: 300 })
      await expect(rival).rejects.toMatchObject({
        reason: 'KEY_IN_FLIGHT',
        details: { retryAfterMs: expect.any(Number) },
      })
      const leaving = new AbortController()
      const left = shop.sell({ signal: leaving.signal })
      leaving.abort(new Error('left'))
      await expect(left).rejects.toThrow('left')
    }
    const { counters } = shops.second.metrics.snapshot()
    expect(counters['idempotency_calls_total{outcome="in_flight"}']).toBe(1)
    inside.letGo()
    await slow
    expect(await shops.second.sell()).toMatchObject({ replayed: true })
  })

  test('ask to come in when their turn has come; one who may not gives it to the next', async () => {
    const inside = halfway()
    const asked: string[] = []
    const { first } = shops
    const slow = first.sell(
      { onTurn: async () => void asked.push('slow') },
      {
        async work(db) {
          await inside.arrive()
          return sell(db)
        },
      },
    )
    await inside.met(1)
    const refused = first.sell({
      async onTurn() {
        asked.push('refused')
        return { retryAfterMs: 1_234 }
      },
    })
    const admitted = first.sell({ onTurn: async () => void asked.push('admitted') })
    await expect.poll(() => first.metrics.snapshot().gauges.idempotency_waiting).toBe(2)
    inside.letGo()
    await expect(refused).rejects.toMatchObject({
      reason: 'KEY_IN_FLIGHT',
      details: { retryAfterMs: 1_234 },
    })
    expect(await admitted).toMatchObject({ replayed: true, text: (await slow).text })
    expect(asked).toEqual(['refused', 'admitted']) // the first has not waited
  })

  test('who have not seen the lock undo their work, and take the answer of the first', async () => {
    const inside = halfway()
    // As of a snapshot from before the first had stored anything, although it has the lock.
    let isBlind = true
    const transact: typeof shops.first.transact = (run) =>
      shops.second.transact(async (db) => {
        if (!isBlind) return run(db)
        isBlind = false
        await sql`set transaction isolation level repeatable read`.execute(db)
        await sql`select 1`.execute(db)
        await inside.arrive()
        return run(db)
      })
    const blind = shops.second.sell({}, { transact })
    await inside.met(1)
    const { text } = await shops.first.sell()
    inside.letGo()
    expect(await blind).toEqual({ replayed: true, text })
    expect(await shops.sales()).toBe(1)
  })
})

test('a call that is aborted at work leaves nothing behind, and its key is free', async () => {
  const leaving = new AbortController()
  const inside = halfway()
  const work = async (db: Db) => {
    const sold = await sell(db)
    await inside.arrive()
    return sold
  }
  const scope = {
    requestId: 'request',
    procedure: 'sales.make',
    kind: 'mutation' as const,
    signal: leaving.signal,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  const left = within(scope, () => shops.first.sell({ signal: leaving.signal }, { work }))
  await inside.met(1)
  leaving.abort(new Error('left'))
  await expect(left).rejects.toThrow('left')
  expect(await shops.second.sell({ remainingMs: 2_000 })).toMatchObject({ replayed: false })
  expect(await shops.sales()).toBe(1)
  inside.letGo()
})

test('the observer is told of each point in its order', async () => {
  const points: KeyedCallPoint[] = []
  await using shop = openShop(shops.config, { observer: (point) => points.push(point) })
  await shop.sell()
  expect(points).toEqual([
    'before-claim',
    'after-claim',
    'after-work',
    'before-store',
    'after-store',
    'before-commit',
    'after-commit',
  ])
})

/** Sessions that are in a transaction, but for the one that asks. */
const HELD = `select pid from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
    and backend_type = 'client backend'`

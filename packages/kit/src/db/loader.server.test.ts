import { sql } from 'kysely'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { within, type CallScope } from '../platform/call-scope.ts'
import { createLogger } from '../platform/logger.ts'
import type { Db } from './database.ts'
import { createLoader } from './loader.ts'
import { meetingPoint } from './meeting-point.fixture.ts'
import { openDatabase } from './open.ts'
import { openPool } from './pool.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'
import { inTransaction } from './transaction.ts'

interface OwnNote {
  readonly id: number
  readonly owner: string
}

interface Found {
  readonly id: number
  readonly body: string
  readonly position: bigint
}

let database: Awaited<ReturnType<typeof createSharedDatabase>>
let pool: Pool
let db: Db
beforeAll(async () => {
  database = await createSharedDatabase()
  await database.ask('create table note (id integer primary key, owner text, body text)')
  await database.ask(
    `insert into note select n, 'anna', 'note ' || n from generate_series(1, 300) n`,
  )
  await database.ask(`insert into note values (301, 'berta', 'hers')`)
  pool = openPool({ ...database.config, poolSize: 4 }, createLogger('silent'))
  db = openDatabase(pool, database.config)
})
afterAll(async () => {
  await pool.end()
  await database[Symbol.asyncDispose]()
})

/** What each statement was sent for, and on what. */
let sent: { on: Db; keys: readonly OwnNote[] }[] = []
afterEach(() => {
  sent = []
})

const findNote = createLoader((on, keys: readonly OwnNote[]) => load(on, keys, 0))

/** The same in a statement that takes its time. */
const findAfter = (seconds: number) =>
  createLoader((on, keys: readonly OwnNote[]) => load(on, keys, seconds))

async function load(on: Db, keys: readonly OwnNote[], seconds: number) {
  sent.push({ on, keys })
  const { rows } = await sql<Found>`
    select note.id, note.body, asked.position
    from unnest(${keys.map(({ id }) => id)}::integer[], ${keys.map(({ owner }) => owner)}::text[])
      with ordinality as asked (id, owner, position)
    join note on note.id = asked.id and note.owner = asked.owner
    cross join (select pg_sleep(${seconds})) as nap`.execute(on)
  return rows
}

const NAPS = `select from pg_stat_activity
  where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
    and query like '%as nap%'`
const naps = async () => (await database.ask(NAPS)).length

/** A call that may leave, and that has so many milliseconds. */
function caller(timeMs = 60_000) {
  const leaving = new AbortController()
  const scope: CallScope = {
    requestId: 'request',
    procedure: 'notes.get',
    kind: 'query',
    signal: leaving.signal,
    deadlineAt: performance.now() + timeMs,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  return {
    spent: scope.spent,
    leave: () => leaving.abort(new Error('They left.')),
    run: <T>(work: () => Promise<T>) => within(scope, work),
  }
}

const note = (id: number, owner = 'anna') => ({ id, owner })

describe('what is asked for at the same moment', () => {
  test('is one statement, whoever asks, and equal keys are asked for once', async () => {
    const callers = Array.from({ length: 20 }, () => caller())
    const found = await Promise.all(
      callers.map(({ run }, index) => run(() => findNote(db, note(1 + (index % 10))))),
    )
    expect(found.map((row) => row?.id)).toEqual(callers.map((_, index) => 1 + (index % 10)))
    expect(sent.map(({ keys }) => keys.length)).toEqual([10])
    expect(found[0]).toEqual({ id: 1, body: 'note 1' }) // and nothing of how it was found
  })

  test('is found by its owner alone', async () => {
    const asked = [note(1), note(1, 'berta'), note(301), note(301, 'berta'), note(999)]
    const found = await Promise.all(asked.map((key) => findNote(db, key)))
    expect(found.map((row) => row?.body)).toEqual([
      'note 1',
      undefined,
      undefined,
      'hers',
      undefined,
    ])
    expect(sent).toHaveLength(1)
  })

  test('is several statements beyond a hundred keys', async () => {
    const found = await Promise.all(
      Array.from({ length: 250 }, (_, index) => findNote(db, note(index + 1))),
    )
    expect(found.map((row) => row?.id)).toEqual(Array.from({ length: 250 }, (_, n) => n + 1))
    expect(sent.map(({ keys }) => keys.length)).toEqual([100, 100, 50])
  })

  test('gives each who asks an object of their own', async () => {
    const [first, second] = await Promise.all([findNote(db, note(1)), findNote(db, note(1))])
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
  })

  test('meets nothing that is asked for on another pool', async () => {
    const other = openDatabase(pool, database.config)
    await Promise.all([findNote(db, note(1)), findNote(other, note(2)), findNote(db, note(3))])
    expect(sent).toEqual([
      { on: db, keys: [note(1), note(3)] },
      { on: other, keys: [note(2)] },
    ])
  })

  test('is charged to each call once, and to nobody twice', async () => {
    const [anna, berta] = [caller(), caller()]
    const find = findAfter(0.05)
    await Promise.all([
      anna.run(() => Promise.all([find(db, note(1)), find(db, note(2))])),
      berta.run(() => find(db, note(1))),
    ])
    expect([anna.spent.queries, berta.spent.queries]).toEqual([1, 1])
    expect(anna.spent.queryMs).toBeGreaterThanOrEqual(45)
    expect(berta.spent.queryMs).toBe(anna.spent.queryMs)
  })
})

test('what is asked for while a statement is under way is another: it may have changed since', async () => {
  const find = findAfter(0.3)
  const first = find(db, note(5))
  await expect.poll(naps).toBe(1)
  await database.ask(`update note set body = 'changed' where id = 5`)
  expect(await find(db, note(5))).toMatchObject({ body: 'changed' })
  expect(await first).toMatchObject({ body: 'note 5' })
  expect(sent).toHaveLength(2)
})

describe('who leaves', () => {
  test('stops waiting at once, and takes nothing from the others; the last one ends the statement', async () => {
    const find = findAfter(30)
    const callers = [caller(), caller(), caller()]
    const ends: number[] = []
    const waiting = callers.map(async ({ run }, index) => {
      await expect(run(() => find(db, note(1)))).rejects.toThrow('They left.')
      ends.push(index)
    })
    await expect.poll(naps).toBe(1)
    callers[0]?.leave()
    callers[1]?.leave()
    await expect.poll(() => ends).toEqual([0, 1])
    expect(await naps()).toBe(1)
    callers[2]?.leave()
    await Promise.all(waiting)
    await expect.poll(naps).toBe(0)
    expect(sent).toHaveLength(1)
  })

  test('before it began leaves no statement behind, and none that the next would wait for', async () => {
    const { run, leave } = caller()
    const left = run(() => findNote(db, note(1)))
    leave()
    await expect(left).rejects.toThrow('They left.')
    expect(sent).toEqual([])
    const again = caller()
    const gone = again.run(() => findNote(db, note(1)))
    again.leave()
    const [, stayed] = await Promise.allSettled([gone, findNote(db, note(2))])
    expect(stayed).toMatchObject({ status: 'fulfilled', value: { id: 2 } })
    expect(sent).toEqual([{ on: db, keys: [note(2)] }])
  })
})

describe('a deadline', () => {
  test.each([
    ['first', [100, 60_000]],
    ['last', [60_000, 100]],
  ])('that is shorter ends nobody else’s statement, when it comes %s', async (_, [one, other]) => {
    const find = findAfter(0.5)
    const [first, second] = [caller(one), caller(other)].map(({ run }) =>
      run(() => find(db, note(1))),
    )
    expect(await first).toMatchObject({ id: 1 })
    expect(await second).toMatchObject({ id: 1 })
  })

  test('is the longest of those who wait: then the statement ends, on the server too', async () => {
    const find = findAfter(30)
    const waiting = [caller(100), caller(300)].map(({ run }) => run(() => find(db, note(1))))
    for (const one of waiting) {
      await expect(one).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    }
    await expect.poll(naps).toBe(0)
  })
})

test('a statement that fails fails all who wait, and nobody after them', async () => {
  const tooLarge = note(2 ** 40) // for an integer
  const [leaver, stayer] = [caller(), caller()]
  const left = leaver.run(() => findNote(db, tooLarge))
  const asked = [left, stayer.run(() => findNote(db, note(1))), findNote(db, note(2))]
  setImmediate(leaver.leave)
  const ends = await Promise.allSettled(asked)
  expect(ends.map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
  expect(ends[1]).toMatchObject({ reason: { code: '22003' } })
  expect(stayer.spent.queries).toBe(1)
  expect(await findNote(db, note(1))).toMatchObject({ id: 1 })
})

describe('in a transaction', () => {
  test('a read is a statement of its own, which sees what the transaction has written', async () => {
    const seen = await inTransaction(db, async (trx) => {
      await sql`insert into note values (400, 'anna', 'new')`.execute(trx)
      return {
        inside: await findNote(trx, note(400)),
        inSavepoint: await inTransaction(trx, (savepoint) => findNote(savepoint, note(400))),
        outside: await findNote(db, note(400)),
      }
    })
    expect(seen).toEqual({
      inside: { id: 400, body: 'new' },
      inSavepoint: { id: 400, body: 'new' },
      outside: undefined,
    })
  })

  test('no read waits for those of others, and no others for it', async () => {
    const place = meetingPoint()
    const inside = inTransaction(db, async (trx) => {
      await place.arrive()
      const first = findNote(trx, note(1)) // all three are asked for at the same moment
      const second = findNote(trx, note(2))
      const third = findNote(db, note(3))
      return [await first, await second, await third]
    })
    await place.met(1)
    place.letGo()
    const [found] = await Promise.all([inside, findNote(db, note(4)), findNote(db, note(5))])
    expect(found.map((row) => row?.id)).toEqual([1, 2, 3])
    const asked = sent.map(({ keys }) => keys.map(({ id }) => id).join())
    expect(new Set(asked)).toEqual(new Set(['1', '2', '3', '4,5']))
  })
})

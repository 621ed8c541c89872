import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createClient, safe } from '@tautline/client'
import type { Db } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
  await provoke()
})
afterAll(() => server[Symbol.asyncDispose]())

/**
 * Makes Postgres fail where an item asks for it: with the SQLSTATE that is its sku, every other time,
 * or for a reason that no procedure knows of. And counts updates, also those that are rolled back.
 */
async function provoke() {
  await sql`
    create sequence provoked;
    create sequence updated;
    create function provoke() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' then perform nextval('updated');
      elsif new.name = 'Refused at first' and nextval('provoked') % 2 = 1 then
        raise exception using errcode = new.sku;
      end if;
      return new;
    end $$;
    create trigger provoke before insert or update on item for each row execute function provoke();
    alter table item add constraint item_not_cursed check (sku <> 'cursed')
  `.execute(server.app.resources.db)
}

let users = 0
/** A client whose user owns nothing yet. */
const someone = () => server.clientAs({ userId: `user-${++users}` })

type Client = ReturnType<typeof someone>
type Operation = Parameters<Client['items']['batch']['mutate']>[0]['operations'][number]

const newItem = (sku: string, name = 'New') => ({ sku, name, priceMinor: 1n })
const create = (sku: string): Operation => ({ op: 'create', item: newItem(sku) })
const remove = (id: string): Operation => ({ op: 'delete', id })
const rename = (item: { id: string; version: number }, name: string): Operation => ({
  op: 'update',
  id: item.id,
  version: item.version,
  changes: { name },
})

const nobodys = () => ({ id: randomUUID(), version: 1 })

/** What somebody has: the name of each item by its sku. */
async function shelfOf({ items }: Client) {
  const { items: all } = await items.list.query({ limit: 100 })
  return Object.fromEntries(all.map(({ sku, name }) => [sku, name]))
}

describe('items.batch in mode each', () => {
  test('tells every operation what became of it, in their order, and applies the others', async () => {
    const anna = someone()
    const rope = await anna.items.create.mutate(newItem('rope'))
    const oar = await anna.items.create.mutate(newItem('oar'))
    const theirs = await someone().items.create.mutate(newItem('theirs'))
    const batch = await anna.items.batch.mutate({
      mode: 'each',
      operations: [
        create('sail'),
        create('rope'),
        rename(rope, 'Renamed'),
        rename(nobodys(), 'None'),
        rename({ ...oar, version: 7 }, 'Stale'),
        remove(theirs.id),
        remove(oar.id),
        create('anchor'),
      ],
    })
    const notFound = { status: 'failed', reason: 'ITEM_NOT_FOUND' }
    expect(batch).toMatchObject({
      mode: 'each',
      applied: 4,
      failed: 4,
      results: [
        { status: 'created', item: newItem('sail') },
        { status: 'failed', reason: 'SKU_TAKEN', data: { skus: ['rope'] } },
        { status: 'updated', item: { id: rope.id, name: 'Renamed', version: 2 } },
        { ...notFound, message: 'You have no such item.' },
        { status: 'failed', reason: 'VERSION_CONFLICT', data: { currentVersion: 1 } },
        notFound,
        { status: 'deleted', id: oar.id },
        { status: 'created', item: newItem('anchor') },
      ],
    })
    expect(await shelfOf(anna)).toEqual({ sail: 'New', rope: 'Renamed', anchor: 'New' })
  })

  test('lets an operation see what those before it have done, and not what was undone', async () => {
    const anna = someone()
    const rope = await anna.items.create.mutate(newItem('rope'))
    const { results } = await anna.items.batch.mutate({
      mode: 'each',
      operations: [
        create('sail'),
        create('sail'),
        rename(rope, 'Once'),
        rename(rope, 'Twice'),
        rename({ ...rope, version: 2 }, 'Again'),
        remove(rope.id),
        rename({ ...rope, version: 3 }, 'Gone'),
        create('rope'),
      ],
    })
    const outcomes = results.map((result) =>
      result.status === 'failed' ? result.reason : result.status,
    )
    expect(outcomes).toEqual([
      'created',
      'SKU_TAKEN',
      'updated',
      'VERSION_CONFLICT',
      'updated',
      'deleted',
      'ITEM_NOT_FOUND',
      'created',
    ])
    expect(await shelfOf(anna)).toEqual({ sail: 'New', rope: 'New' })
  })

  test('takes 1,000 operations, of which every second one is refused, and not one more', async () => {
    const anna = someone()
    const operations = Array.from({ length: 1_000 }, (_, n) => create(`s${n >> 1}`))
    const batch = await anna.items.batch.mutate({ mode: 'each', operations })
    expect(batch).toMatchObject({ applied: 500, failed: 500 })
    const odd = batch.results.filter(
      ({ status }, n) => status !== (n % 2 === 0 ? 'created' : 'failed'),
    )
    expect(odd).toEqual([])
    const created = batch.results.flatMap((result) =>
      result.status === 'created' ? [result.item.id] : [],
    )
    const { rows } = await sql<{ id: string }>`
      select id from item where owner_id = ${`user-${users}`}`.execute(server.app.resources.db)
    expect(rows.map(({ id }) => id).toSorted()).toEqual(created.toSorted())
    for (const bad of [[], [...operations, create('more')]]) {
      await expect(
        anna.items.batch.mutate({ mode: 'each', operations: bad }),
      ).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    }
  })
})

test('a batch may have all of its 1,000 operations refused, also updates, which ask twice', async () => {
  const operations = Array.from({ length: 1_000 }, () => rename(nobodys(), 'None'))
  const { results } = await someone().items.batch.mutate({ mode: 'each', operations })
  const reasons = results.map((result) => 'reason' in result && result.reason)
  expect(reasons).toEqual(Array(1_000).fill('ITEM_NOT_FOUND'))
})

describe('items.batch in mode all', () => {
  test('applies all of it', async () => {
    const anna = someone()
    const rope = await anna.items.create.mutate(newItem('rope'))
    const batch = await anna.items.batch.mutate({
      mode: 'all',
      operations: [create('sail'), rename(rope, 'Renamed')],
    })
    expect(batch).toMatchObject({ mode: 'all', applied: 2, failed: 0 })
    expect(await shelfOf(anna)).toEqual({ sail: 'New', rope: 'Renamed' })
  })

  type Given = { id: string; version: number }
  test.each<[string, (rope: Given) => Operation, object]>([
    ['SKU_TAKEN', () => create('rope'), { data: { skus: ['rope'] } }],
    ['ITEM_NOT_FOUND', () => remove(randomUUID()), {}],
    [
      'VERSION_CONFLICT',
      (rope) => rename({ ...rope, version: 7 }, 'Stale'),
      { data: { currentVersion: 2 } },
    ],
  ])('changes nothing when one is refused, and names it: %s', async (reason, refused, details) => {
    const anna = someone()
    const rope = await anna.items.create.mutate(newItem('rope'))
    const operations = [create('sail'), rename(rope, 'Renamed'), refused(rope), create('oar')]
    const [, error] = await safe(anna.items.batch.mutate({ mode: 'all', operations }))
    expect(error).toMatchObject({
      reason: 'BATCH_FAILED',
      retryable: false,
      data: { index: 2, reason, ...details },
    })
    expect(await shelfOf(anna)).toEqual({ rope: 'New' })
  })
})

describe.each(['each', 'all'] as const)('items.batch in mode %s', (mode) => {
  test('refuses the whole call for a failure that nobody understands', async () => {
    const anna = someone()
    const operations = [create('sail'), create('cursed'), create('oar')]
    await expect(anna.items.batch.mutate({ mode, operations })).rejects.toMatchObject({
      reason: 'INTERNAL',
    })
    expect(await shelfOf(anna)).toEqual({})
  })

  test.each(['40001', '40P01'])(
    'runs again as a whole when Postgres refuses it in the middle with %s, and applies it once',
    async (sqlState) => {
      const anna = someone()
      const rope = await anna.items.create.mutate(newItem('rope'))
      const { items } = anna
      const contended: Operation = { op: 'create', item: newItem(sqlState, 'Refused at first') }
      const operations = [create('sail'), rename(rope, 'Renamed'), contended, create('oar')]
      const before = await drawn('provoked')
      const { applied, results } = await items.batch.mutate({ mode, operations })
      expect(await drawn('provoked')).toBe(before + 2)
      expect([applied, results.length]).toEqual([4, 4])
      expect(results[1]).toMatchObject({ item: { version: 2 } })
      const names = { sail: 'New', rope: 'Renamed', [sqlState]: 'Refused at first', oar: 'New' }
      expect(await shelfOf(anna)).toEqual(names)
    },
  )

  test('changes nothing when its caller leaves before its end', async () => {
    const anna = someone()
    const rope = await anna.items.create.mutate(newItem('rope'))
    const leaving = new AbortController()
    await server.app.resources.db.transaction().execute(async (db) => {
      await sql`select from item where id = ${rope.id} for update`.execute(db)
      const operations = [create('sail'), rename(rope, 'Renamed')]
      const call = safe(anna.items.batch.mutate({ mode, operations }, leaving))
      await expect.poll(() => waiting()).toBe(1)
      leaving.abort()
      expect((await call)[1]).toMatchObject({ reason: 'ABORTED' })
      await expect.poll(() => waiting()).toBe(0)
    })
    expect(await shelfOf(anna)).toEqual({ rope: 'New' })
    await anna.items.create.mutate(newItem('sail')) // nothing holds the sku any more
  })

  test('is applied once for its key, and answers the same text again', async () => {
    const email = `${mode}@example.com`
    const registration = { email, name: 'Anna', password: 'a long password' }
    const { accessToken } = await server.client().auth.register.mutate(registration)
    const texts: string[] = []
    const anna = createClient<typeof app.router>({
      url: `${server.url}/rpc`,
      retry: false,
      auth: () => accessToken,
      async fetch(url, init) {
        const response = await fetch(url, init)
        texts.push(await response.clone().text())
        return response
      },
    })
    const operations = [create('sail'), ...(mode === 'each' ? [create('sail')] : [])]
    const idempotencyKey = randomUUID()
    const first = await anna.items.batch.mutate({ mode, operations }, { idempotencyKey })
    expect(await anna.items.batch.mutate({ mode, operations }, { idempotencyKey })).toEqual(first)
    expect(texts[1]).toBe(texts[0])
  })
})

/** How often something has happened, undone or not: no rollback gives a number back. */
async function drawn(sequence: 'provoked' | 'updated') {
  const { rows } = await sql<{ times: number }>`
    select coalesce(pg_sequence_last_value(${sequence}::regclass), 0)::int as times`.execute(
    server.app.resources.db,
  )
  return rows[0]?.times ?? NaN
}

/** How many sessions of this database wait for a lock, also as a transaction sees it that goes on. */
async function waiting(db: Db = server.app.resources.db) {
  await sql`select pg_stat_clear_snapshot()`.execute(db)
  const { rows } = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
  `.execute(db)
  return rows.length
}

test('no constraint of an item is deferred, so that an operation has passed them all', async () => {
  const { rows } = await sql`
    select conname from pg_constraint where conrelid = 'item'::regclass and condeferrable
  `.execute(server.app.resources.db)
  expect(rows).toEqual([])
})

test('batches that name the same items in another order wait for each other; none runs twice', async () => {
  const anna = someone()
  const skus = Array.from({ length: 100 }, (_, n) => `s${n}`)
  const { results } = await anna.items.batch.mutate({ mode: 'all', operations: skus.map(create) })
  const items = results.flatMap((result) => (result.status === 'created' ? [result.item] : []))
  const renameAll = (all: typeof items) => {
    const operations = all.map((item) => rename(item, 'Renamed'))
    return anna.items.batch.mutate({ mode: 'each', operations })
  }
  const before = await drawn('updated')
  const [there, back] = await Promise.all([renameAll(items), renameAll(items.toReversed())])
  expect([there.applied, back.applied].toSorted((a, b) => a - b)).toEqual([0, 100])
  expect(await drawn('updated')).toBe(before + 100)
})

test('rows of bulkCreate in another order wait for each other; none is written twice', async () => {
  const { items } = server.clientAs({ userId: `user-${++users}`, scopes: ['items:import'] })
  const { id } = await items.create.mutate(newItem('m'))
  const overwrite = (skus: string[]) =>
    items.bulkCreate.mutate({ items: skus.map((sku) => newItem(sku)), onConflict: 'update' })
  await overwrite(['a', 'z'])
  const before = await drawn('updated')
  const calls = await server.app.resources.db.transaction().execute(async (db) => {
    await sql`select from item where id = ${id} for update`.execute(db)
    const there = overwrite(['a', 'm', 'z'])
    await expect.poll(() => waiting(db)).toBe(1)
    const back = overwrite(['z', 'm', 'a'])
    await expect.poll(() => waiting(db)).toBe(2)
    return [there, back]
  })
  for (const { updated } of await Promise.all(calls)) expect(updated).toBe(3)
  expect(await drawn('updated')).toBe(before + 6)
})

test('six batches of one caller leave room for that of another', async () => {
  const [anna, berta] = [someone(), someone()]
  const rope = await anna.items.create.mutate(newItem('rope'))
  const calls = await server.app.resources.db.transaction().execute(async (db) => {
    await sql`select from item where id = ${rope.id} for update`.execute(db)
    const annas = Array.from({ length: 6 }, () =>
      anna.items.batch.mutate({ mode: 'each', operations: [rename(rope, 'Renamed')] }),
    )
    await expect.poll(() => waiting(db)).toBe(2)
    return [...annas, berta.items.batch.mutate({ mode: 'each', operations: [create('sail')] })]
  })
  const batches = await Promise.all(calls)
  expect(batches.filter(({ applied }) => applied === 1)).toHaveLength(2)
  expect(await shelfOf(berta)).toEqual({ sail: 'New' })
})

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { users } from './users.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const rope = { sku: 'rope', name: 'Rope', priceMinor: 1_990n }

/** A turn of the loop, as of a time that many minutes from now. */
function turn(minutes: number, signal = new AbortController().signal) {
  const now = new Date(Date.now() + minutes * 60_000)
  const resources = { ...server.app.resources, clock: { now: () => now } }
  return users.loops.delete_leftovers.run(resources, signal)
}

let people = 0
/** Somebody who has signed in; the client keeps the access token, whatever becomes of them. */
async function newUser() {
  const email = `user${++people}@example.com`
  const newcomer = { email, name: 'User', password: 'correct horse battery' }
  const { user, accessToken, expiresAt } = await server.client().auth.register.mutate(newcomer)
  return { id: user.id, expiresAt, client: server.client({ auth: () => accessToken }) }
}

async function newLeaver() {
  const leaver = await newUser()
  await leaver.client.users.delete.mutate({ id: leaver.id })
  return leaver
}

/** How many items of theirs there are, in all tenants. */
async function itemsOf(owner: string): Promise<number> {
  const items = server.app.resources.db.selectFrom('item').select('id')
  return (await items.where('owner_id', '=', owner).execute()).length
}

async function isRemembered(id: string): Promise<boolean> {
  const ids = server.app.resources.db.selectFrom('deleted_user').select('id')
  return (await ids.where('id', '=', id).executeTakeFirst()) !== undefined
}

async function insertItems(owner: string, count: number): Promise<void> {
  await sql`
    insert into item (owner_id, sku, name, quantity, price_minor)
    select ${owner}, n::text, 'Rope', 1, 1 from generate_series(1, ${count}::int) as n
  `.execute(server.app.resources.db)
}

test('what a deleted user makes with an access token that is out is deleted once no token works', async () => {
  const [anna, berta] = [await newUser(), await newUser()]
  for (const { client } of [anna, berta]) await client.items.create.mutate(rope)
  await anna.client.users.delete.mutate({ id: anna.id })
  await anna.client.items.create.mutate(rope)
  await server.clientAs({ userId: anna.id, tenantId: 'acme' }).items.create.mutate(rope)
  await turn(10)
  expect(await itemsOf(anna.id)).toBe(2)
  await turn(12)
  expect(await itemsOf(anna.id)).toBe(0)
  expect(await isRemembered(anna.id)).toBe(false)
  expect(await itemsOf(berta.id)).toBe(1)
})

const Mutation = z.object({
  _def: z.object({
    meta: z.object({
      kind: z.literal('mutation'),
      policy: z.object({ timeoutMs: z.number().default(10_000) }),
    }),
  }),
})

/** How long a call of the slowest mutation may take, in milliseconds. */
function longestCallMs(): number {
  const procedures: Readonly<Record<string, unknown>> = app.router._def.procedures
  const timeouts = Object.values(procedures).flatMap((procedure) => {
    const { data } = Mutation.safeParse({ _def: Reflect.get(Object(procedure), '_def') })
    return data ? [data._def.meta.policy.timeoutMs] : []
  })
  return Math.max(...timeouts)
}

test('nobody is forgotten while the slowest call of a token that is out may go on', async () => {
  const { id, client, expiresAt } = await newUser()
  await client.users.delete.mutate({ id })
  expect(longestCallMs()).toBeGreaterThan(10_000)
  await turn((expiresAt.getTime() - Date.now() + longestCallMs()) / 60_000)
  expect(await isRemembered(id)).toBe(true)
})

test('an item whose creation commits after the deletion is deleted too', async () => {
  const anna = await newUser()
  await server.app.resources.db.transaction().execute(async (db) => {
    await db
      .insertInto('item')
      .values({
        owner_id: anna.id,
        tenant_id: '',
        sku: 'a',
        name: 'A',
        quantity: 1,
        price_minor: 1n,
      })
      .execute()
    await anna.client.users.delete.mutate({ id: anna.id })
  })
  expect(await itemsOf(anna.id)).toBe(1)
  await turn(12)
  expect(await itemsOf(anna.id)).toBe(0)
})

test('many items are deleted in batches', async () => {
  const { db } = server.app.resources
  const { id } = await newLeaver()
  await insertItems(id, 1_200)
  await sql`create table batch (at int generated always as identity, rows int)`.execute(db)
  await sql`
    create function note_batch() returns trigger language plpgsql as $$ begin
      insert into batch (rows) select count(*) from gone; return null;
    end $$`.execute(db)
  await sql`
    create trigger note_batch after delete on item referencing old table as gone
    for each statement execute function note_batch()`.execute(db)
  await turn(12)
  const batches = await sql<{ rows: number }>`select rows from batch order by at`.execute(db)
  expect(batches.rows.map(({ rows }) => rows)).toEqual([500, 500, 200])
})

test('many users who were deleted are all forgotten', async () => {
  const { db } = server.app.resources
  await sql`insert into deleted_user select gen_random_uuid() from generate_series(1, 501)`.execute(
    db,
  )
  await turn(12)
  expect(await db.selectFrom('deleted_user').select('id').execute()).toEqual([])
})

test('two turns at the same time end as one does', async () => {
  const { id } = await newLeaver()
  await insertItems(id, 600)
  await Promise.all([turn(12), turn(12)])
  await turn(12) // either may have met items that the other was about to delete
  expect(await itemsOf(id)).toBe(0)
  expect(await isRemembered(id)).toBe(false)
})

test('an item that somebody holds keeps no turn waiting, and is deleted another time', async () => {
  const { id } = await newLeaver()
  await insertItems(id, 2)
  await server.app.resources.db.transaction().execute(async (db) => {
    await sql`select from item where owner_id = ${id} limit 1 for update`.execute(db)
    await turn(12)
    expect(await itemsOf(id)).toBe(1)
  })
  await turn(12)
  expect(await itemsOf(id)).toBe(0)
})

test('a turn that is stopped deletes nothing more, and the next goes on', async () => {
  const { id } = await newLeaver()
  await insertItems(id, 2)
  await turn(12, AbortSignal.abort())
  expect(await itemsOf(id)).toBe(2)
  await turn(12)
  expect(await itemsOf(id)).toBe(0)
})

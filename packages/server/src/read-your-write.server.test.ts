import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'

import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'
import { identityOf } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from './app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
  const { client, item } = await newWorld()
  // Until it hears the other processes, it keeps nothing that has tags.
  const read = async () => {
    await client.items.get.query({ id: item.id })
    return lastRead('items.get')?.cache
  }
  await vi.waitUntil(async () => (await read()) === 'hit', { timeout: 10_000 })
})
afterAll(() => server[Symbol.asyncDispose]())

let people = 0

/** Somebody with an account and an item, in a tenant, and an admin. */
async function newWorld() {
  const email = `user${++people}@example.com`
  const { id } = await server.app.resources.db
    .insertInto('tautline.user')
    .values({ email, name: 'User', password_hash: 'none' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const client = server.clientAs({ userId: id, tenantId: 'acme', scopes: ['items:import'] })
  const admin = server.clientAs({ userId: 'chief', roles: ['admin'] })
  const item = await client.items.create.mutate({ sku: 'rope', name: 'Rope', priceMinor: 1n })
  return { id, email, client, admin, item }
}

type World = Awaited<ReturnType<typeof newWorld>>

/** Every query of this backend whose answers are kept, as each asks who sees the answer. */
const reads: Record<string, ((world: World) => Promise<unknown>)[]> = {
  'items.get': [
    ({ client, item }) => client.items.get.query({ id: item.id }),
    ({ client, item }) => client.items.get.query({ id: item.id.toUpperCase() }),
  ],
  'items.list': [
    ({ client }) => client.items.list.query(),
    ({ client }) => client.items.list.query({ limit: 1 }),
  ],
  'items.search': [({ client }) => client.items.search.query({ q: 'rope' })],
  'users.get': [
    ({ client, id }) => client.users.get.query({ id }),
    ({ admin, id }) => admin.users.get.query({ id }),
  ],
  'users.search': [({ admin, email }) => admin.users.search.query({ q: email })],
}

/** Every mutation that changes a row which one of them shows, and which ones those are. */
const writes: Record<string, { run: (world: World) => Promise<unknown>; changes: string[] }> = {
  'items.create': {
    run: ({ client }) =>
      client.items.create.mutate({ sku: 'new', name: 'New rope', priceMinor: 2n }),
    changes: ['items.list', 'items.search'],
  },
  'items.bulkCreate': {
    run: ({ client }) =>
      client.items.bulkCreate.mutate({
        items: [
          { sku: 'new', name: 'New', priceMinor: 2n },
          { sku: 'rope', name: 'Another rope', priceMinor: 3n },
        ],
        onConflict: 'update',
      }),
    changes: ['items.get', 'items.list', 'items.search'],
  },
  'items.batch': {
    run: ({ client, item: { id, version } }) =>
      client.items.batch.mutate({
        mode: 'each',
        operations: [
          { op: 'update', id, version, changes: { quantity: 7 } },
          { op: 'create', item: { sku: 'rope', name: 'Another rope', priceMinor: 3n } },
        ],
      }),
    changes: ['items.get', 'items.list', 'items.search'],
  },
  'items.import': {
    async run({ id, client }) {
      const owner = identityOf({ userId: id, tenantId: 'acme' })
      const rows = 'sku,name,priceMinor\nnew,New,2\nrope,Another rope,3'
      const source = Readable.from([Buffer.from(rows)])
      const file = await server.app.resources.files.create(owner, { name: 'items.csv', source })
      const wanted = { fileId: file.id, onConflict: 'update' } as const
      const { taskId } = await client.items.import.mutate(wanted)
      const state = async () => (await client.tasks.get.query({ id: taskId })).state
      await expect.poll(state, { timeout: 10_000 }).toBe('succeeded')
    },
    changes: ['items.get', 'items.list', 'items.search'],
  },
  'items.update': {
    run: ({ client, item: { id, version } }) =>
      client.items.update.mutate({ id, version, changes: { quantity: 7 } }),
    changes: ['items.get', 'items.list', 'items.search'],
  },
  'items.delete': {
    run: ({ client, item: { id } }) => client.items.delete.mutate({ id }),
    changes: ['items.get', 'items.list', 'items.search'],
  },
  'users.update': {
    run: ({ client, id }) => client.users.update.mutate({ id, changes: { name: 'Renamed' } }),
    changes: ['users.get', 'users.search'],
  },
  'users.delete': {
    run: ({ client, id }) => client.users.delete.mutate({ id }),
    changes: ['items.get', 'items.list', 'items.search', 'users.get', 'users.search'],
  },
}

const nounOf = (path: string) => path.split('.', 1).join()

/** A default may be a bigint, for which JSON has no word. */
const withoutBigints = (_: string, value: unknown) =>
  typeof value === 'bigint' ? String(value) : value

/** Names of the procedures whose definition, as JSON, has this in it. */
function proceduresWith(text: string): string[] {
  const procedures: Readonly<Record<string, unknown>> = app.router._def.procedures
  return Object.entries(procedures).flatMap(([path, procedure]) => {
    if (typeof procedure !== 'function' || !('_def' in procedure)) return []
    return JSON.stringify(procedure._def, withoutBigints).includes(text) ? [path] : []
  })
}

test('every query whose answers are kept, and every mutation of its noun, is in the tables of this test', () => {
  const kept = proceduresWith('"cache":')
  expect(new Set(kept)).toEqual(new Set(Object.keys(reads)))
  const nouns = new Set(kept.map(nounOf))
  const mutations = proceduresWith('"type":"mutation"')
  const known = mutations.filter((path) => nouns.has(nounOf(path)))
  expect(new Set(known)).toEqual(new Set(Object.keys(writes)))
})

/** The procedure that was called last, and how its answer came about. */
const lastRead = (path: string) =>
  server.logs.findLast((line) => line.procedure === path && 'outcome' in line)

test.each(Object.entries(writes))(
  '%s is seen by every read after it',
  async (_, { run, changes }) => {
    const world = await newWorld()
    const all = Object.entries(reads).flatMap(([path, asks]) => asks.map((ask) => ({ path, ask })))
    const before = []
    for (const { path, ask } of all) {
      before.push(await ask(world))
      // What was written just before is heard by its own process too, and may cost one more miss.
      await expect
        .poll(async () => {
          await ask(world)
          return lastRead(path)?.cache
        })
        .toBe('hit')
    }
    await run(world)
    const changed = []
    for (const [index, { path, ask }] of all.entries()) {
      const [after] = await safe(ask(world))
      if (!isDeepStrictEqual(after, before[index])) changed.push(path)
    }
    expect(changed).toEqual(all.map(({ path }) => path).filter((path) => changes.includes(path)))
  },
)

test('what is kept for one caller is never given to another', async () => {
  const [anna, berta] = [await newWorld(), await newWorld()]
  for (const asks of Object.values(reads)) for (const ask of asks) await ask(anna)
  const asBerta = { ...anna, client: berta.client }
  expect((await safe(asBerta.client.items.get.query({ id: anna.item.id })))[1]).toMatchObject({
    reason: 'ITEM_NOT_FOUND',
  })
  expect((await safe(asBerta.client.users.get.query({ id: anna.id })))[1]).toMatchObject({
    reason: 'USER_NOT_FOUND',
  })
  const { items } = await berta.client.items.list.query()
  expect(items.map((item) => item.id)).toEqual([berta.item.id])
  const elsewhere = server.clientAs({ userId: anna.id, tenantId: 'other' })
  expect((await elsewhere.items.list.query()).items).toEqual([])
})

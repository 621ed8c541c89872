import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

let users = 0
/** A client whose user owns nothing yet. */
const someone = () => server.clientAs({ userId: `user-${++users}`, scopes: ['items:import'] })

const rope = { sku: 'rope', name: 'Rope', quantity: 2, priceMinor: 1_990n }

type Items = ReturnType<typeof someone>['items']

/** The first of two pages, after a second item was made. */
async function listTwo(items: Items) {
  await items.create.mutate({ ...rope, sku: 'cleat' })
  return items.list.query({ limit: 1 })
}

describe('an item', () => {
  test('can be read back as it was created', async () => {
    const anna = someone()
    const created = await anna.items.create.mutate(rope)
    expect(created).toMatchObject({ ...rope, version: 1 })
    expect(await anna.items.get.query({ id: created.id })).toEqual(created)
  })

  test('keeps the largest price that Postgres can hold', async () => {
    const priceMinor = 2n ** 63n - 1n
    const created = await someone().items.create.mutate({ ...rope, priceMinor })
    expect(created.priceMinor).toBe(priceMinor)
  })

  test('is refused when its owner already has the sku, and only then', async () => {
    const anna = someone()
    await anna.items.create.mutate(rope)
    const [, error] = await safe(anna.items.create.mutate(rope))
    expect(error).toMatchObject({ reason: 'SKU_TAKEN', data: { skus: ['rope'] } })
    await someone().items.create.mutate(rope)
  })

  test('is invisible and untouchable for everybody else', async () => {
    const [anna, berta] = [someone(), someone()]
    const { id } = await anna.items.create.mutate(rope)
    const changes = { name: 'Mine' }
    for (const call of [
      () => berta.items.get.query({ id }),
      () => berta.items.update.mutate({ id, version: 1, changes }),
      () => berta.items.delete.mutate({ id }),
    ]) {
      await expect(call()).rejects.toMatchObject({ reason: 'ITEM_NOT_FOUND' })
    }
    expect((await berta.items.list.query()).items).toEqual([])
    expect(await anna.items.get.query({ id })).toMatchObject(rope)
  })

  test('is its owner’s in one tenant, and invisible to the same id in another or none', async () => {
    const userId = `user-${++users}`
    const as = (more: object) =>
      server.clientAs({ userId, scopes: ['items:import'], ...more }).items
    const [own, ...others] = [
      as({ tenantId: 'acme' }),
      as({ tenantId: 'other' }),
      as({}),
      as({ tenantId: 'acme', issuer: 'https://idp.example.com' }),
      as({ issuer: 'https://idp.example.com' }),
    ]
    const { id } = await own.create.mutate(rope)
    const { nextCursor } = await listTwo(own)
    for (const other of others) {
      expect((await other.list.query()).items).toEqual([])
      for (const call of [
        () => other.get.query({ id }),
        () => other.update.mutate({ id, version: 1, changes: { name: 'Mine' } }),
        () => other.delete.mutate({ id }),
      ]) {
        await expect(call()).rejects.toMatchObject({ reason: 'ITEM_NOT_FOUND' })
      }
      await expect(other.list.query({ cursor: nextCursor })).rejects.toMatchObject({
        reason: 'BAD_INPUT',
      })
    }
    // Each has skus of their own, and overwrites nobody else's.
    for (const other of others) {
      await other.create.mutate(rope)
      const items = [{ ...rope, name: 'Theirs' }]
      expect(await other.bulkCreate.mutate({ items, onConflict: 'update' })).toMatchObject({
        updated: 1,
      })
    }
    expect(await own.get.query({ id })).toMatchObject({ ...rope, version: 1 })
    expect((await own.list.query()).items.map((item) => item.sku)).toEqual(['cleat', 'rope'])
  })

  test('is changed only by who has seen its current version', async () => {
    const anna = someone()
    const { id } = await anna.items.create.mutate(rope)
    const updated = await anna.items.update.mutate({ id, version: 1, changes: { quantity: 7 } })
    expect(updated).toMatchObject({ ...rope, quantity: 7, version: 2 })
    for (const version of [1, 3, 2 ** 31 - 1]) {
      const [, error] = await safe(
        anna.items.update.mutate({ id, version, changes: { quantity: 9 } }),
      )
      expect(error).toMatchObject({ reason: 'VERSION_CONFLICT', data: { currentVersion: 2 } })
    }
    expect(await anna.items.get.query({ id })).toEqual(updated)
  })

  test('loses one of two changes made at the same time, and says which', async () => {
    const anna = someone()
    const { id } = await anna.items.create.mutate(rope)
    const attempts = await Promise.all(
      Array.from({ length: 8 }, (_, quantity) =>
        safe(anna.items.update.mutate({ id, version: 1, changes: { quantity } })),
      ),
    )
    const errors = attempts.flatMap(([, error]) => (error ? [error.reason] : []))
    expect(errors).toEqual(Array(7).fill('VERSION_CONFLICT'))
  })

  test('is gone once it was deleted', async () => {
    const anna = someone()
    const { id } = await anna.items.create.mutate(rope)
    expect(await anna.items.delete.mutate({ id })).toEqual({ id })
    await expect(anna.items.delete.mutate({ id })).rejects.toMatchObject({
      reason: 'ITEM_NOT_FOUND',
    })
  })

  test.each([
    ['an unknown field', { ...rope, ownerId: 'berta' }],
    ['a negative price', { ...rope, priceMinor: -1n }],
    ['a price beyond bigint', { ...rope, priceMinor: 2n ** 63n }],
    ['a fractional quantity', { ...rope, quantity: 0.5 }],
    ['an empty name', { ...rope, name: '' }],
  ])('is refused with %s', async (_, input) => {
    await expect(someone().items.create.mutate(input)).rejects.toMatchObject({
      reason: 'BAD_INPUT',
    })
  })
})

describe('items.list', () => {
  test('walks through all items, newest first, none twice, also when they are equally old', async () => {
    const anna = someone()
    const rows = Array.from({ length: 25 }, (_, n) => ({ ...rope, sku: `s${n}` }))
    await anna.items.bulkCreate.mutate({ items: rows }) // one statement: all of one moment
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: { items: { sku: string }[]; nextCursor: string | null } =
        await anna.items.list.query({ limit: 10, cursor })
      seen.push(...page.items.map((item) => item.sku))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen.length).toBe(25)
    expect(new Set(seen)).toEqual(new Set(rows.map((row) => row.sku)))
  })

  test('refuses the cursor of somebody else, a changed one, and a page over 100', async () => {
    const [anna, berta] = [someone(), someone()]
    await anna.items.bulkCreate.mutate({ items: ['a', 'b'].map((sku) => ({ ...rope, sku })) })
    const { nextCursor } = await anna.items.list.query({ limit: 1 })
    const cursor = nextCursor ?? ''
    for (const call of [
      () => berta.items.list.query({ cursor }),
      () => anna.items.list.query({ cursor: `x${cursor}` }),
      () => anna.items.list.query({ limit: 101 }),
    ]) {
      await expect(call()).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    }
  })

  test('costs the same on every page', async () => {
    const plan = await explainSecondPage(server)
    expect(plan).toContain('item_owner_created')
    expect(plan).not.toContain('Sort')
  })
})

describe('items.bulkCreate', () => {
  const rows = [
    { ...rope, sku: 'a' },
    { ...rope, sku: 'b' },
    { ...rope, sku: 'a', name: 'Second a' },
  ]

  test('tells each row what became of it; the second row of a sku is skipped', async () => {
    const result = await someone().items.bulkCreate.mutate({ items: rows })
    expect(result).toMatchObject({ created: 2, updated: 0, skipped: 1 })
    expect(result.results.map((row) => row.status)).toEqual(['created', 'created', 'skipped'])
  })

  test('skips, updates or fails on a sku that is there, as it was told', async () => {
    const anna = someone()
    const { id } = await anna.items.create.mutate({ ...rope, sku: 'a' })
    const [, error] = await safe(anna.items.bulkCreate.mutate({ items: rows }))
    expect(error).toMatchObject({ reason: 'SKU_TAKEN', data: { skus: ['a'] } })
    expect((await anna.items.list.query()).items).toHaveLength(1)

    const items = [{ ...rope, sku: 'a', name: 'New' }]
    await anna.items.bulkCreate.mutate({ items, onConflict: 'skip' })
    expect(await anna.items.get.query({ id })).toMatchObject({ name: 'Rope', version: 1 })
    const { results } = await anna.items.bulkCreate.mutate({ items, onConflict: 'update' })
    expect(results).toEqual([{ status: 'updated', id }])
    expect(await anna.items.get.query({ id })).toMatchObject({ name: 'New', version: 2 })
  })

  test('takes 10,000 rows in one statement and refuses one more', async () => {
    const anna = someone()
    const items = Array.from({ length: 10_000 }, (_, n) => ({ ...rope, sku: `s${n}` }))
    const { created } = await anna.items.bulkCreate.mutate({ items })
    expect(created).toBe(10_000)
    await expect(
      anna.items.bulkCreate.mutate({ items: [...items, { ...rope, sku: 'more' }] }),
    ).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    const line = server.logs.findLast(
      (log) => log.procedure === 'items.bulkCreate' && log.outcome === 'OK',
    )
    // And one that tells other processes what is no longer valid.
    expect(line).toMatchObject({ database: { queries: 2 } })
  })
})

async function explainSecondPage({ databaseUrl }: TestServer<typeof app>): Promise<string> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('analyze item; set enable_seqscan = off')
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`
    explain select id from item where owner_id = 'user-1' and tenant_id = '' and (created_at, id) < (now(), gen_random_uuid())
    order by created_at desc, id desc limit 11`)
  await client.end()
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

let people = 0
/** Users who never sign in: a password takes its time, and plays no part here. */
async function insertUsers(count: number): Promise<string[]> {
  const rows = Array.from({ length: count }, () => ({
    email: `user${++people}@example.com`,
    name: 'User',
    password_hash: 'none',
  }))
  const inserted = await server.app.resources.db
    .insertInto('tautline.user')
    .values(rows)
    .returning('id')
    .execute()
  return inserted.map(({ id }) => id)
}

async function newUser() {
  const [id = ''] = await insertUsers(1)
  return { id, client: server.clientAs({ userId: id, scopes: ['items:import'] }) }
}

const admin = () => server.clientAs({ userId: 'chief', roles: ['admin'] })
const rope = { sku: 'rope', name: 'Rope', quantity: 2, priceMinor: 1_990n }
const nobody = { id: crypto.randomUUID() }

describe('a user', () => {
  test('reads, renames and deletes themselves, as does an admin', async () => {
    for (const by of ['self', 'admin']) {
      const { id, client } = await newUser()
      const { users } = by === 'self' ? client : admin()
      const before = await users.get.query({ id })
      expect(before).toEqual({
        id,
        email: `user${people}@example.com`,
        name: 'User',
        createdAt: expect.any(Date),
      })
      const renamed = await users.update.mutate({ id, changes: { name: ' Anna ' } })
      expect(renamed).toEqual({ ...before, name: 'Anna' })
      expect(await users.get.query({ id: id.toUpperCase() })).toEqual(renamed)
      expect(await users.delete.mutate({ id })).toEqual({ id, deletedItems: 0 })
      await expect(users.get.query({ id })).rejects.toMatchObject({ reason: 'USER_NOT_FOUND' })
    }
  })

  test('is for everybody else as if there were none, and stays as it is', async () => {
    const [anna, berta] = [await newUser(), await newUser()]
    await anna.client.items.create.mutate(rope)
    const before = await anna.client.users.getWithRecentItems.query()
    const others = [berta.client, server.clientAs({ userId: 'no-uuid', roles: ['editor'] })]
    for (const { users } of others) {
      for (const { id } of [anna, nobody]) {
        for (const call of [
          () => users.get.query({ id }),
          () => users.update.mutate({ id, changes: { name: 'Mine' } }),
          () => users.delete.mutate({ id }),
          () => users.getWithRecentItems.query({ id }),
        ]) {
          await expect(call()).rejects.toMatchObject({
            reason: 'USER_NOT_FOUND',
            message: 'There is no such user, or none that you may see.',
          })
        }
      }
    }
    expect(await anna.client.users.getWithRecentItems.query()).toEqual(before)
  })

  test('takes the items along, and nobody else’s', async () => {
    const [anna, berta] = [await newUser(), await newUser()]
    const items = Array.from({ length: 3 }, (_, n) => ({ ...rope, sku: `s${n}` }))
    for (const { client } of [anna, berta]) await client.items.bulkCreate.mutate({ items })
    expect(await anna.client.users.delete.mutate({ id: anna.id })).toEqual({
      id: anna.id,
      deletedItems: 3,
    })
    expect((await anna.client.items.list.query()).items).toEqual([])
    expect((await berta.client.items.list.query()).items).toHaveLength(3)
    await expect(anna.client.users.getWithRecentItems.query()).rejects.toMatchObject({
      reason: 'USER_NOT_FOUND',
    })
  })

  test.each([
    ['an empty name', { name: '  ' }],
    ['a name that is too long', { name: 'x'.repeat(101) }],
    ['a role', { name: 'Anna', roles: ['admin'] }],
    ['no change', {}],
  ])('is not changed to %s', async (_, changes) => {
    const { id, client } = await newUser()
    // @ts-expect-error -- one of them has no name
    const call = client.users.update.mutate({ id, changes })
    await expect(call).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })

  test('is the one whom the token names, and once deleted stays signed in nowhere', async () => {
    const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
    const { user, accessToken, refreshToken } = await server.client().auth.register.mutate(account)
    const anna = server.client({ auth: () => accessToken })
    expect(await anna.users.get.query({ id: user.id })).toEqual(user)
    await anna.users.delete.mutate({ id: user.id })
    const refresh = server.client().auth.refresh.mutate({ refreshToken })
    await expect(refresh).rejects.toMatchObject({ reason: 'REFRESH_REFUSED' })
    const { email, password } = account
    const login = server.client().auth.login.mutate({ email, password })
    await expect(login).rejects.toMatchObject({ reason: 'WRONG_CREDENTIALS' })
  })
})

describe('users.list', () => {
  test('shows an admin all users, newest first, none twice, also when they are equally old', async () => {
    const inserted = await insertUsers(25) // one statement: all of one moment
    const newest = await newUser()
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: { items: { id: string }[]; nextCursor: string | null } =
        await admin().users.list.query({ limit: 10, cursor })
      seen.push(...page.items.map((user) => user.id))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen[0]).toBe(newest.id)
    expect(new Set(seen.slice(1, 26))).toEqual(new Set(inserted))
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('is for admins alone', async () => {
    const { client } = await newUser()
    await expect(client.users.list.query()).rejects.toMatchObject({ reason: 'FORBIDDEN' })
    await expect(server.client().users.list.query()).rejects.toMatchObject({
      reason: 'UNAUTHENTICATED',
    })
  })

  test('refuses the cursor of another admin or list, and a page over 100', async () => {
    await insertUsers(2)
    const { nextCursor: cursor } = await admin().users.list.query({ limit: 1 })
    const another = server.clientAs({ userId: 'deputy', roles: ['admin'] })
    for (const call of [
      () => another.users.list.query({ cursor }),
      () => admin().items.list.query({ cursor }),
      () => admin().users.list.query({ limit: 101 }),
    ]) {
      await expect(call()).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    }
  })

  test('costs the same on every page', async () => {
    const { db } = server.app.resources
    const plan = await db.transaction().execute(async (on) => {
      await sql`set local enable_seqscan = off`.execute(on)
      return sql<{ 'QUERY PLAN': string }>`
        explain select id from tautline.user where (created_at, id) < (now(), gen_random_uuid())
        order by created_at desc, id desc limit 11`.execute(on)
    })
    const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toContain('user_created')
    expect(text).not.toContain('Sort')
  })
})

describe('users.getWithRecentItems', () => {
  test('shows the newest items exactly, in one statement', async () => {
    const { id, client } = await newUser()
    const priceMinor = 2n ** 63n - 1n // more digits than a JSON number keeps
    for (const sku of ['a', 'b', 'c'])
      await client.items.create.mutate({ ...rope, sku, priceMinor })
    await (await newUser()).client.items.create.mutate(rope)

    const shown = await client.users.getWithRecentItems.query({ limit: 2 })
    const { items } = await client.items.list.query({ limit: 2 })
    expect(shown).toEqual({
      ...(await client.users.get.query({ id })),
      recentItems: items.map(({ version: _, updatedAt: __, ...item }) => item),
    })
    expect(shown.recentItems.map((item) => item.sku)).toEqual(['c', 'b'])
    expect(shown.recentItems[0]?.priceMinor).toBe(priceMinor)
    expect(await admin().users.getWithRecentItems.query({ id, limit: 2 })).toEqual(shown)
    const lines = server.logs.filter(
      (line) => line.procedure === 'users.getWithRecentItems' && line.outcome === 'OK',
    )
    expect(lines.at(-1)).toMatchObject({ userId: 'chief', database: { queries: 1 } })
  })

  test('shows a user without items, and refuses a caller who is no user here', async () => {
    const { id, client } = await newUser()
    expect(await client.users.getWithRecentItems.query()).toMatchObject({ id, recentItems: [] })
    await expect(admin().users.getWithRecentItems.query()).rejects.toMatchObject({
      reason: 'USER_NOT_FOUND',
    })
  })
})

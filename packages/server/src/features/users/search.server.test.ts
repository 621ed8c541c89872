import { afterAll, beforeAll, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
  const people = [
    ['anna@example.com', 'Anna Lund'],
    ['annabel@example.com', 'Annabel Stein'],
    ['lund@example.com', 'Berta Anna'],
    ['carla@example.com', 'Carla Kristiansen'],
  ] as const
  await server.app.resources.db
    .insertInto('tautline.user')
    .values(people.map(([email, name]) => ({ email, name, password_hash: 'none' })))
    .execute()
})
afterAll(() => server[Symbol.asyncDispose]())

const admin = (userId = 'chief') => server.clientAs({ userId, roles: ['admin'] }).users
const emailsOf = (page: { items: { email: string }[] }) => page.items.map(({ email }) => email)

test.each([
  [
    'the beginning of an address, before those like it',
    'ANNA@',
    ['anna@example.com', 'lund@example.com', 'annabel@example.com'],
  ],
  ['the beginning of a name', 'carla k', ['carla@example.com']],
  ['a word of a name', 'stein', ['annabel@example.com']],
  ['a name with a letter missing', 'kristiansn', ['carla@example.com']],
  ['a letter', 'c', ['carla@example.com']],
  ['a name that some begin with', 'lund', ['lund@example.com', 'anna@example.com']],
  ['a character that patterns know', '%', []],
])('an admin finds users by %s', async (_, q, emails) => {
  expect(emailsOf(await admin().search.query({ q }))).toEqual(emails)
})

test('pages go on where the last one ended, and a cursor is good for its admin and text alone', async () => {
  const { items, nextCursor } = await admin().search.query({ q: 'anna', limit: 1 })
  const cursor = nextCursor ?? ''
  const rest = await admin().search.query({ q: 'anna', cursor })
  const all = await admin().search.query({ q: 'anna' })
  expect([...items, ...rest.items]).toEqual(all.items)
  expect(all.items).toHaveLength(3)
  for (const call of [
    () => admin('other').search.query({ q: 'anna', cursor }),
    () => admin().search.query({ q: 'ann', cursor }),
    () => admin().search.query({ q: 'anna', cursor: `x${cursor}` }),
    () => admin().list.query({ cursor }),
  ]) {
    await expect(call()).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  }
})

test('nobody else may search', async () => {
  const { users } = server.clientAs({ userId: 'anna', roles: ['editor'] })
  await expect(users.search.query({ q: 'anna' })).rejects.toMatchObject({ reason: 'FORBIDDEN' })
})

test('who wrote their name decomposed is found', async () => {
  const account = { email: 'j@example.com', name: 'Jo\u0308rg', password: 'correct horse battery' }
  const { user } = await server.client().auth.register.mutate(account)
  expect(emailsOf(await admin().search.query({ q: 'jörg' }))).toEqual([account.email])
  const { users } = server.clientAs({ userId: user.id })
  await users.update.mutate({ id: user.id, changes: { name: 'Bjo\u0308rn' } })
  expect(emailsOf(await admin().search.query({ q: 'björn' }))).toEqual([account.email])
})

test('who has just registered is found, also by an admin whose last answer was kept', async () => {
  const search = () => admin().search.query({ q: 'dora@example.com' })
  const lastRead = () => server.logs.findLast((line) => line.procedure === 'users.search')
  await expect
    .poll(async () => {
      await search()
      return lastRead()?.cache
    })
    .toBe('hit')
  const account = { email: 'dora@example.com', name: 'Dora', password: 'correct horse battery' }
  const { user } = await server.client().auth.register.mutate(account)
  expect((await search()).items[0]).toEqual(user)
})

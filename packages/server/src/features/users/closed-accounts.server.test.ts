import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { users } from './users.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const newKey = () => ({ idempotencyKey: randomUUID() })
const admin = () => server.clientAs({ userId: 'chief', roles: ['admin'] })

let people = 0
/** Somebody with an account in a tenant, and one in none, each with 50 on it. */
async function newUser() {
  const { id } = await server.app.resources.db
    .insertInto('tautline.user')
    .values({ email: `user${++people}@example.com`, name: 'User', password_hash: 'none' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const scopes = ['accounts:transfer']
  const client = server.clientAs({ userId: id, scopes })
  const elsewhere = server.clientAs({ userId: id, scopes, tenantId: 'acme' })
  const own = await openAccount(client)
  const other = await openAccount(elsewhere)
  for (const accountId of [own, other]) {
    await admin().accounts.deposit.mutate({ accountId, amountMinor: 50n }, newKey())
  }
  return { id, client, elsewhere, own, other }
}

type Client = ReturnType<TestServer<typeof app>['clientAs']>

async function openAccount({ accounts }: Client): Promise<string> {
  return (await accounts.open.mutate({ currency: 'EUR', name: 'Anna’s savings' })).id
}

/** A turn of the loop, as of twelve minutes from now. */
function turn() {
  const now = new Date(Date.now() + 12 * 60_000)
  const resources = { ...server.app.resources, clock: { now: () => now } }
  return users.loops.delete_leftovers.run(resources, new AbortController().signal)
}

test('the accounts of a deleted user stay in the ledger, nameless and frozen for good', async () => {
  const [anna, berta] = [await newUser(), await newUser()]
  await anna.client.users.delete.mutate({ id: anna.id })
  for (const [client, id] of [
    [anna.client, anna.own],
    [anna.elsewhere, anna.other],
  ] as const) {
    const account = await client.accounts.get.query({ id })
    expect(account).toMatchObject({ name: '', frozen: true, balanceMinor: 50n })
    expect((await client.accounts.history.query({ accountId: id })).items).toHaveLength(1)
    const thaw = admin().accounts.setFrozen.mutate({ id, frozen: false })
    await expect(thaw).rejects.toMatchObject({ reason: 'ACCOUNT_NOT_FOUND' })
  }
  const { accounts } = berta.client
  expect(await accounts.get.query({ id: berta.own })).toMatchObject({
    name: 'Anna’s savings',
    frozen: false,
  })
  const gift = { fromId: berta.own, toId: anna.own, amountMinor: 1n }
  await expect(accounts.transfer.mutate(gift, newKey())).rejects.toMatchObject({
    reason: 'ACCOUNT_FROZEN',
    data: { which: 'to' },
  })
  expect(await admin().accounts.verifyLedger.query()).toMatchObject({ ok: true })
})

test('money of a deleted user is taken back by an admin, and none is given to them', async () => {
  const anna = await newUser()
  await anna.client.users.delete.mutate({ id: anna.id })
  const all = { accountId: anna.other, amountMinor: 50n }
  await admin().accounts.withdraw.mutate(all, newKey())
  const account = { id: anna.other }
  expect(await anna.elsewhere.accounts.get.query(account)).toMatchObject({ balanceMinor: 0n })
  const more = admin().accounts.deposit.mutate(all, newKey())
  await expect(more).rejects.toMatchObject({ reason: 'ACCOUNT_FROZEN' })
})

test('an account that a deleted user opens with a token that is out is closed once none works', async () => {
  const anna = await newUser()
  await anna.client.users.delete.mutate({ id: anna.id })
  const id = await openAccount(anna.client)
  await server.app.resources.db.transaction().execute(async (db) => {
    await db.selectFrom('account').select('id').where('id', '=', id).forUpdate().execute()
    await turn() // whom somebody holds keeps no turn waiting
  })
  expect(await anna.client.accounts.get.query({ id })).toMatchObject({ frozen: false })
  await turn()
  expect(await anna.client.accounts.get.query({ id })).toMatchObject({ name: '', frozen: true })
  const remembered = server.app.resources.db.selectFrom('deleted_user').select('id')
  expect(await remembered.where('id', '=', anna.id).execute()).toEqual([])
})

/** Moves money again and again, until it is refused; says for what. */
async function moveUntilRefused(
  { accounts }: Client,
  route: { readonly fromId: string; readonly toId: string },
  onMoved: () => void,
): Promise<string> {
  for (let moved = 0; moved < 1_000; moved++) {
    const [, error] = await safe(accounts.transfer.mutate({ ...route, amountMinor: 1n }, newKey()))
    if (error) return error.reason
    onMoved()
  }
  return 'never refused'
}

test('a user is deleted while money moves on all their accounts, and it moves on none after that', async () => {
  const [anna, berta] = [await newUser(), await newUser()]
  const third = await openAccount(anna.client)
  for (const accountId of [anna.own, anna.other, third, berta.own, berta.other]) {
    await admin().accounts.deposit.mutate({ accountId, amountMinor: 1_000n }, newKey())
  }
  const routes: [Client, string, string][] = [
    [berta.client, berta.own, anna.own],
    [berta.client, berta.own, third],
    [berta.elsewhere, berta.other, anna.other],
    [anna.client, anna.own, berta.own],
    [anna.client, anna.own, third],
    [anna.client, third, anna.own],
    [anna.elsewhere, anna.other, berta.other],
  ]
  const moved = new Set<string>()
  const moves = routes.map(([client, fromId, toId]) =>
    moveUntilRefused(client, { fromId, toId }, () => moved.add(`${fromId} ${toId}`)),
  )
  await vi.waitUntil(() => moved.size === routes.length, { timeout: 10_000 })
  await anna.client.users.delete.mutate({ id: anna.id })
  expect(await Promise.all(moves)).toEqual(routes.map(() => 'ACCOUNT_FROZEN'))
  for (const [client, id] of [
    [anna.client, anna.own],
    [anna.client, third],
    [anna.elsewhere, anna.other],
  ] as const) {
    expect(await client.accounts.get.query({ id })).toMatchObject({ name: '', frozen: true })
  }
  expect(await admin().accounts.verifyLedger.query()).toMatchObject({ ok: true })
})

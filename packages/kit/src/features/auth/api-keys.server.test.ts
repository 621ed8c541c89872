import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'

import { reasonOf, startAccounts, type Accounts } from './accounts.fixture.ts'
import { API_KEY, MAX_KEYS } from './api-keys.ts'

let accounts: Accounts
let owner: Awaited<ReturnType<Accounts['register']>>
let client: ReturnType<Accounts['as']>
beforeAll(async () => {
  accounts = await startAccounts()
})
beforeEach(async () => {
  owner = await accounts.register()
  client = accounts.as(owner.accessToken)
})
afterAll(() => accounts[Symbol.asyncDispose]())

const createKey = (scopes: string[] = ['items:read'], expiresAt?: Date) =>
  client.auth.createApiKey.mutate({ name: 'CI', scopes, ...(expiresAt && { expiresAt }) })

describe('an API key', () => {
  test('is its owner with its own scopes and none of the roles', async () => {
    await accounts.db
      .updateTable('tautline.user')
      .set({ roles: ['admin'] })
      .where('id', '=', owner.user.id)
      .execute()
    const { key } = await createKey()
    const program = accounts.as(key)
    expect(await program.probe.reading.query()).toEqual({
      userId: owner.user.id,
      roles: [],
      scopes: ['items:read'],
    })
    expect(await reasonOf(program.probe.writing.query())).toBe('FORBIDDEN')
    expect(await reasonOf(program.probe.forAdmins.query())).toBe('FORBIDDEN')
    await program.probe.fresh.query()
    expect(await program.auth.me.query()).toEqual(owner.user)
  })

  test('is shown once, and kept as a hash', async () => {
    const { key, ...shown } = await createKey()
    expect(key).toMatch(API_KEY)
    expect(key).toContain(`_${shown.prefix}_`)
    expect(await client.auth.listApiKeys.query()).toEqual([shown])
    const secret = key.slice(13)
    const rows = await accounts.db
      .selectFrom('tautline.api_key')
      .select(['name', 'prefix', 'hash'])
      .execute()
    expect(rows.some((row) => row.hash.includes(secret) || row.name.includes(secret))).toBe(false)
    await accounts.as(key).probe.plain.query()
    expect(JSON.stringify(accounts.server.logs)).not.toContain(secret)
  })

  test('ends with the next request when it is revoked; the same again is no error', async () => {
    const { key, id } = await createKey()
    await accounts.as(key).probe.plain.query()
    await client.auth.revokeApiKey.mutate({ id })
    await client.auth.revokeApiKey.mutate({ id })
    expect(await reasonOf(accounts.as(key).probe.plain.query())).toBe('UNAUTHENTICATED')
    expect(await client.auth.listApiKeys.query()).toEqual([])
  })

  test('ends with its time, and cannot be made for the past', async () => {
    const { key } = await createKey([], new Date(accounts.now().getTime() + 60_000))
    await accounts.as(key).probe.plain.query()
    accounts.pass(60_000)
    expect(await reasonOf(accounts.as(key).probe.plain.query())).toBe('UNAUTHENTICATED')
    expect(await reasonOf(createKey([], accounts.now()))).toBe('BAD_INPUT')
  })

  test('is read to by no stream any more once it has ended', async () => {
    const { key } = await createKey([], new Date(accounts.now().getTime() + 1_000))
    const waiting = accounts.as(key).probe.waiting.subscribe()
    expect(await reasonOf(waiting.next())).toBe('CONNECTION_LOST') // to resume, if it can
  })

  test('ends with its account', async () => {
    const { key } = await createKey()
    await accounts.db.deleteFrom('tautline.user').where('id', '=', owner.user.id).execute()
    expect(await reasonOf(accounts.as(key).probe.plain.query())).toBe('UNAUTHENTICATED')
  })

  test('has no scope that its maker has not', async () => {
    expect(await reasonOf(createKey(['items:read', 'everything']))).toBe('SCOPE_NOT_HELD')
  })

  test('makes, lists and revokes no keys, and manages no account', async () => {
    const { key, id } = await createKey(['items:read', 'items:write'])
    const { auth } = accounts.as(key)
    const passwords = { currentPassword: 'any', newPassword: 'another battery' }
    const reasons = await Promise.all([
      reasonOf(auth.createApiKey.mutate({ name: 'more', scopes: [] })),
      reasonOf(auth.listApiKeys.query()),
      reasonOf(auth.revokeApiKey.mutate({ id })),
      reasonOf(auth.logoutEverywhere.mutate()),
      reasonOf(auth.changePassword.mutate(passwords)),
    ])
    expect(new Set(reasons)).toEqual(new Set(['FORBIDDEN']))
  })

  test('of somebody else cannot be revoked or seen', async () => {
    const { key, id } = await createKey()
    const stranger = accounts.as((await accounts.register()).accessToken)
    expect(await reasonOf(stranger.auth.revokeApiKey.mutate({ id }))).toBe('NO_SUCH_API_KEY')
    expect(await stranger.auth.listApiKeys.query()).toEqual([])
    await accounts.as(key).probe.plain.query()
  })

  test.each(['tlk_', 'tlk_00000000_', `tlk_00000000_${'x'.repeat(43)}`, 'tlk_a.b.c'])(
    'that is none, %s, is nobody’s',
    async (key) => {
      expect(await reasonOf(accounts.as(key).probe.plain.query())).toBe('UNAUTHENTICATED')
    },
  )
})

test('an account has at most fifty keys, also when they are made at once', async () => {
  const made = await Promise.all(Array.from({ length: MAX_KEYS + 5 }, () => safe(createKey())))
  const reasons = made.flatMap(([, error]) => (error ? [error.reason] : []))
  expect(reasons).toEqual(Array.from({ length: 5 }, () => 'TOO_MANY_API_KEYS'))
  expect(await client.auth.listApiKeys.query()).toHaveLength(MAX_KEYS)
})

test('the last use of a key is noted, once a minute', async () => {
  const { key } = await createKey()
  const lastUse = async () => (await client.auth.listApiKeys.query())[0]?.lastUsedAt
  expect(await lastUse()).toBeNull()
  const first = accounts.now()
  await Promise.all(Array.from({ length: 4 }, () => accounts.as(key).probe.plain.query()))
  await vi.waitFor(async () => expect(await lastUse()).toEqual(first))
  accounts.pass(59_000)
  await accounts.as(key).probe.plain.query()
  expect(await lastUse()).toEqual(first)
  accounts.pass(1_000)
  await accounts.as(key).probe.plain.query()
  await vi.waitFor(async () => expect(await lastUse()).toEqual(accounts.now()))
})

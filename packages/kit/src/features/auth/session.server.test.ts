import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../../app-definition.ts'
import { query } from '../../rpc/define.ts'
import { startTestServer } from '../../testing/index.ts'
import { ACCESS_TOKEN_TTL_MS } from './access-token.ts'
import { reasonOf, startAccounts, type Accounts } from './accounts.fixture.ts'
import { hashOf } from './opaque-token.ts'
import { REFRESH_TTL_MS, REUSE_GRACE_MS } from './session.ts'

let accounts: Accounts
let owner: Awaited<ReturnType<Accounts['register']>>
beforeAll(async () => {
  accounts = await startAccounts()
})
beforeEach(async () => {
  owner = await accounts.register()
})
afterAll(() => accounts[Symbol.asyncDispose]())

const refreshed = async (token: string) => {
  const [session, error] = await accounts.refresh(token)
  if (error) throw error
  return session
}

const liveTokensOf = (userId: string) =>
  accounts.db
    .selectFrom('tautline.refresh_token')
    .innerJoin('tautline.session', 'tautline.session.id', 'session_id')
    .select('hash')
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute()

describe('a refresh token', () => {
  test('is exchanged for tokens that work, and for the user', async () => {
    const next = await refreshed(owner.refreshToken)
    expect(next.user).toEqual(owner.user)
    expect(next.refreshToken).not.toBe(owner.refreshToken)
    const caller = await accounts.as(next.accessToken).probe.fresh.query()
    expect(caller.userId).toBe(owner.user.id)
    await refreshed(next.refreshToken)
  })

  test('lives thirty days, and each exchange begins them anew', async () => {
    expect(owner.refreshExpiresAt.getTime()).toBe(accounts.now().getTime() + REFRESH_TTL_MS)
    accounts.pass(REFRESH_TTL_MS - 1_000)
    const next = await refreshed(owner.refreshToken)
    accounts.pass(REFRESH_TTL_MS - 1_000)
    const last = await refreshed(next.refreshToken)
    accounts.pass(REFRESH_TTL_MS)
    const [, error] = await accounts.refresh(last.refreshToken)
    expect(error?.reason).toBe('REFRESH_REFUSED')
  })

  test.each(['', 'abc', 'x'.repeat(43), 'token’s'])(
    'that is none, %j, is refused',
    async (token) => {
      const [, error] = await accounts.refresh(token)
      expect(error?.reason).toBe('REFRESH_REFUSED')
    },
  )

  test('is kept as a hash only', async () => {
    const rows = await accounts.db.selectFrom('tautline.refresh_token').select('hash').execute()
    expect(rows.some(({ hash }) => hash.equals(hashOf(owner.refreshToken)))).toBe(true)
    expect(rows.some(({ hash }) => hash.includes(owner.refreshToken))).toBe(false)
    expect(JSON.stringify(accounts.server.logs)).not.toContain(owner.refreshToken)
  })

  test('of an account that is gone is refused', async () => {
    await accounts.db.deleteFrom('tautline.user').where('id', '=', owner.user.id).execute()
    const [, error] = await accounts.refresh(owner.refreshToken)
    expect(error?.reason).toBe('REFRESH_REFUSED')
  })

  test('brings the roles that the user has by now', async () => {
    expect(await reasonOf(accounts.as(owner.accessToken).probe.forAdmins.query())).toBe('FORBIDDEN')
    await accounts.db
      .updateTable('tautline.user')
      .set({ roles: ['admin'] })
      .where('id', '=', owner.user.id)
      .execute()
    const next = await refreshed(owner.refreshToken)
    const caller = await accounts.as(next.accessToken).probe.forAdmins.query()
    expect(caller.roles).toEqual(['admin'])
  })
})

describe('a used refresh token', () => {
  test('is exchanged again while its answer may have been lost, and one chain lives on', async () => {
    const lost = await refreshed(owner.refreshToken)
    accounts.pass(REUSE_GRACE_MS)
    const next = await refreshed(owner.refreshToken)
    expect(await liveTokensOf(owner.user.id)).toEqual([{ hash: hashOf(next.refreshToken) }])
    accounts.pass(REUSE_GRACE_MS + 1)
    const [, error] = await accounts.refresh(lost.refreshToken)
    expect(error?.reason).toBe('REFRESH_REFUSED')
  })

  test('ends the session after that: for the thief and for the owner', async () => {
    const next = await refreshed(owner.refreshToken)
    accounts.pass(REUSE_GRACE_MS + 1)
    const [, thief] = await accounts.refresh(owner.refreshToken)
    expect(thief).toMatchObject({ reason: 'REFRESH_REFUSED', retryable: false })
    const [, robbed] = await accounts.refresh(next.refreshToken)
    expect(robbed?.reason).toBe('REFRESH_REFUSED')
    expect(await reasonOf(accounts.as(next.accessToken).probe.fresh.query())).toBe(
      'UNAUTHENTICATED',
    )
    const { counters } = accounts.server.app.metrics.snapshot()
    expect(counters.auth_refresh_reused_total).toBeGreaterThan(0)
  })

  test('ends no other session of its user', async () => {
    const [other] = await accounts.login(owner.user.email)
    await refreshed(owner.refreshToken)
    accounts.pass(REUSE_GRACE_MS + 1)
    await accounts.refresh(owner.refreshToken)
    const next = await refreshed(other?.refreshToken ?? '')
    expect(next.user).toEqual(owner.user)
  })

  test('sent eight times at once leaves one chain, and signs nobody out in the grace', async () => {
    const at = accounts.now()
    const sessions = await Promise.all(
      Array.from({ length: 8 }, () => refreshed(owner.refreshToken)),
    )
    expect(new Set(sessions.map((session) => session.refreshToken)).size).toBe(8)
    expect(await liveTokensOf(owner.user.id)).toHaveLength(1)
    const next = await Promise.all(sessions.map((session) => refreshed(session.refreshToken)))
    expect(accounts.now()).toBe(at)
    const live = await liveTokensOf(owner.user.id)
    expect(live).toHaveLength(1)
    const survivors = next.filter(({ refreshToken }) => live[0]?.hash.equals(hashOf(refreshToken)))
    accounts.pass(REUSE_GRACE_MS + 1)
    expect(survivors).toHaveLength(1)
    await refreshed(survivors[0]?.refreshToken ?? '')
  })
})

describe('signing out', () => {
  test('ends one session, and is no error the second time or for any other token', async () => {
    const [other] = await accounts.login(owner.user.email)
    const next = await refreshed(owner.refreshToken)
    const { logout } = accounts.nobody.auth
    await logout.mutate({ refreshToken: owner.refreshToken }) // used, and of the session still
    await logout.mutate({ refreshToken: owner.refreshToken })
    await logout.mutate({ refreshToken: 'nobody’s' })
    const [, error] = await accounts.refresh(next.refreshToken)
    expect(error?.reason).toBe('REFRESH_REFUSED')
    await refreshed(other?.refreshToken ?? '')
  })

  test('everywhere ends refreshing and fresh procedures at once, the rest in ten minutes', async () => {
    const stranger = await accounts.register()
    const [other] = await accounts.login(owner.user.email)
    const client = accounts.as(owner.accessToken)
    await client.probe.fresh.query()
    await client.auth.logoutEverywhere.mutate()
    for (const token of [owner.refreshToken, other?.refreshToken ?? '']) {
      const [, error] = await accounts.refresh(token)
      expect(error?.reason).toBe('REFRESH_REFUSED')
    }
    expect(await reasonOf(client.probe.fresh.query())).toBe('UNAUTHENTICATED')
    accounts.pass(ACCESS_TOKEN_TTL_MS - 1_000)
    await client.probe.plain.query()
    accounts.pass(10_000)
    expect(await reasonOf(client.probe.plain.query())).toBe('UNAUTHENTICATED')
    await refreshed(stranger.refreshToken)
  })
})

test('rows past their time are removed, a few with each session', async () => {
  await Promise.all(Array.from({ length: 5 }, () => accounts.register()))
  accounts.pass(REFRESH_TTL_MS)
  for (let n = 0; n < 6; n++) await accounts.register()
  const counts = await Promise.all(
    (['tautline.session', 'tautline.refresh_token'] as const).map((table) =>
      accounts.db
        .selectFrom(table)
        .select((select) => select.cast<number>(select.fn.countAll(), 'integer').as('count'))
        .executeTakeFirstOrThrow(),
    ),
  )
  expect(counts).toEqual([{ count: 6 }, { count: 6 }])
})

describe('a fresh procedure', () => {
  const app = (policy: { allow: 'public' | 'user'; fresh: true }) => {
    const peek = query({ summary: 'Peeks.', output: z.void(), policy, run: async () => {} })
    return defineApp({
      name: 'fresh',
      version: '0.0.0',
      features: { thing: { router: { peek } } },
      identity: () => ({ userId: 'somebody', roles: [], scopes: [] }),
      migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
    })
  }

  test('refuses a caller whom nobody can vouch for', async () => {
    await using server = await startTestServer(app({ allow: 'user', fresh: true }))
    expect(await reasonOf(server.client().thing.peek.query())).toBe('UNAUTHENTICATED')
    await server.clientAs({ userId: 'anna' }).thing.peek.query()
  })

  test('that is public stops the start', () => {
    expect(() => app({ allow: 'public', fresh: true })).toThrow('policy.fresh asks about a caller')
  })
})

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'

import { defineApp } from '../../app-definition.ts'
import { startTestServer } from '../../testing/index.ts'
import { password, reasonOf, startAccounts, type Accounts } from './accounts.fixture.ts'
import { auth } from './auth.ts'
import { bearerIdentity } from './identity.ts'
import { MAX_FAILURES } from './lockout-subject.ts'
import { FIRST_BLOCK_MS } from './lockout.ts'
import { RESET_TTL_MS } from './password-reset.ts'

let accounts: Accounts
let owner: Awaited<ReturnType<Accounts['register']>>
beforeAll(async () => {
  accounts = await startAccounts()
})
beforeEach(async () => {
  owner = await accounts.register()
  accounts.sent.length = 0
})
afterAll(() => accounts[Symbol.asyncDispose]())

const newPassword = 'another battery horse'

/** Statements that wait for a lock right now. */
async function lockWaits(): Promise<number> {
  const { rows } = await sql`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(accounts.db)
  return rows.length
}

describe('changing a password', () => {
  const change = (currentPassword = password) =>
    safe(
      accounts.as(owner.accessToken).auth.changePassword.mutate({ currentPassword, newPassword }),
    )

  test('makes the new one good and the old one not', async () => {
    expect((await change())[1]).toBeUndefined()
    expect((await accounts.login(owner.user.email))[1]?.reason).toBe('WRONG_CREDENTIALS')
    expect((await accounts.login(owner.user.email, newPassword))[1]).toBeUndefined()
  })

  test('ends all other sessions and keeps its own', async () => {
    const [other] = await accounts.login(owner.user.email)
    await change()
    expect((await accounts.refresh(other?.refreshToken ?? ''))[1]?.reason).toBe('REFRESH_REFUSED')
    await accounts.as(owner.accessToken).probe.fresh.query()
    expect((await accounts.refresh(owner.refreshToken))[1]).toBeUndefined()
  })

  test('needs the current one, and counts the failures', async () => {
    for (let n = 0; n < MAX_FAILURES; n++) {
      expect((await change('wrong password'))[1]?.reason).toBe('WRONG_CREDENTIALS')
    }
    const [, blocked] = await change()
    expect(blocked).toMatchObject({
      reason: 'TOO_MANY_ATTEMPTS',
      retryAfterMs: FIRST_BLOCK_MS,
    })
  })

  test('at once from two sides happens once', async () => {
    const reasons = (await Promise.all([change(), change()])).map(([, error]) => error?.reason)
    expect(new Set(reasons)).toEqual(new Set(['WRONG_CREDENTIALS', undefined]))
  })

  test('needs a session that goes on', async () => {
    await accounts.as(owner.accessToken).auth.logoutEverywhere.mutate()
    expect((await change())[1]?.reason).toBe('UNAUTHENTICATED')
  })
})

describe('a password reset', () => {
  const request = (email = owner.user.email) =>
    safe(accounts.nobody.auth.requestPasswordReset.mutate({ email }))
  const requested = async () => {
    const before = accounts.sent.length
    expect((await request())[1]).toBeUndefined()
    return vi.waitFor(() => {
      const message = accounts.sent[before]
      if (!message) throw new Error('nothing was sent yet')
      return message
    })
  }
  const reset = (token: string) =>
    safe(accounts.nobody.auth.resetPassword.mutate({ token, newPassword }))

  test('sends a token that sets the password, ends all sessions and any wait', async () => {
    for (let n = 0; n < MAX_FAILURES; n++) await accounts.login(owner.user.email, 'wrong password')
    const { token, email, expiresAt } = await requested()
    expect(email).toBe(owner.user.email)
    expect(expiresAt.getTime()).toBe(accounts.now().getTime() + RESET_TTL_MS)
    expect((await reset(token))[1]).toBeUndefined()
    expect((await accounts.refresh(owner.refreshToken))[1]?.reason).toBe('REFRESH_REFUSED')
    expect((await accounts.login(owner.user.email, newPassword))[1]).toBeUndefined()
  })

  test('is good once, also for two at once', async () => {
    const { token } = await requested()
    const reasons = (await Promise.all([reset(token), reset(token)])).map(([, e]) => e?.reason)
    expect(new Set(reasons)).toEqual(new Set(['RESET_REFUSED', undefined]))
    expect((await reset(token))[1]?.reason).toBe('RESET_REFUSED')
  })

  // It needs four sessions at the same time, and the pooler of the tests has three.
  const isPooled = process.env.TEST_THROUGH_POOLER === '1'
  test.skipIf(isPooled)('leaves no session to a sign-in that was under way', async () => {
    const { token } = await requested()
    const held = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    // The reset stops where it ends the sessions, with the new password not yet committed.
    const holding = accounts.db.transaction().execute(async (db) => {
      await db
        .selectFrom('tautline.session')
        .select('id')
        .where('user_id', '=', owner.user.id)
        .forUpdate()
        .execute()
      held.resolve()
      await released.promise
    })
    await held.promise
    const resetting = reset(token)
    await expect.poll(lockWaits).toBe(1)
    let hasEnded = false
    const signingIn = accounts.login(owner.user.email).finally(() => {
      hasEnded = true
    })
    await expect.poll(async () => hasEnded || (await lockWaits()) === 2).toBe(true)
    released.resolve()
    await holding
    expect((await resetting)[1]).toBeUndefined()
    const [session, refused] = await signingIn
    expect(session ?? refused?.reason).toBe('WRONG_CREDENTIALS')
  })

  test('is good for half an hour', async () => {
    const { token } = await requested()
    accounts.pass(RESET_TTL_MS)
    expect((await reset(token))[1]?.reason).toBe('RESET_REFUSED')
  })

  test('ends with the next one, with another password, and with another address', async () => {
    const first = await requested()
    const second = await requested()
    expect((await reset(first.token))[1]?.reason).toBe('RESET_REFUSED')
    await accounts.db
      .updateTable('tautline.user')
      .set({ email: `moved-${owner.user.email}` })
      .where('id', '=', owner.user.id)
      .execute()
    expect((await reset(second.token))[1]?.reason).toBe('RESET_REFUSED')
    await accounts.db
      .updateTable('tautline.user')
      .set({ email: owner.user.email })
      .where('id', '=', owner.user.id)
      .execute()
    const change = { currentPassword: password, newPassword }
    await accounts.as(owner.accessToken).auth.changePassword.mutate(change)
    expect((await reset(second.token))[1]?.reason).toBe('RESET_REFUSED')
  })

  test('leaves its token neither in the log nor in the database', async () => {
    const { token } = await requested()
    const rows = await accounts.db
      .selectFrom('tautline.password_reset')
      .select('token_hash')
      .execute()
    expect(rows.some((row) => row.token_hash.includes(token))).toBe(false)
    expect(JSON.stringify(accounts.server.logs)).not.toContain(token)
  })

  test('of an address that nobody has gets the same answer, and nothing is sent', async () => {
    expect(await request('nobody@example.com')).toEqual([undefined, undefined])
    expect(await request()).toEqual([undefined, undefined])
    await vi.waitFor(() => expect(accounts.sent.length).toBe(1))
    expect(accounts.sent[0]?.email).toBe(owner.user.email)
  })

  test('cannot flood a mailbox: the sixth request has to wait, for every address', async () => {
    for (const email of [owner.user.email, 'nobody.else@example.com']) {
      for (let n = 0; n < MAX_FAILURES; n++) expect((await request(email))[1]).toBeUndefined()
      expect((await request(email))[1]).toMatchObject({
        reason: 'TOO_MANY_ATTEMPTS',
        retryAfterMs: FIRST_BLOCK_MS,
      })
    }
    await vi.waitFor(() => expect(accounts.sent.length).toBe(MAX_FAILURES))
  })

  test('that cannot be sent is an error in the log, not in the answer', async () => {
    const email = 'unreachable@example.com'
    await accounts.register(email)
    expect((await request(email))[1]).toBeUndefined()
    await vi.waitFor(() =>
      expect(JSON.stringify(accounts.server.logs)).toContain('a password reset was not sent'),
    )
  })

  test('is not there where nobody can send one', async () => {
    const app = defineApp({
      name: 'mute',
      version: '0.0.0',
      features: { auth: auth() },
      identity: bearerIdentity(),
      migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
    })
    expect(Object.keys(app.router._def.procedures)).toEqual(
      Object.keys(app.features.auth.router).map((name) => `auth.${name}`),
    )
    await using server = await startTestServer(app)
    for (const name of ['requestPasswordReset', 'resetPassword']) {
      const answer = await fetch(`${server.url}/rpc/auth.${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      expect(answer.status).toBe(404)
    }
  })
})

describe('an address that nobody has costs as much as one that somebody has', () => {
  /** Statements of the last call of a procedure, as the log has them. */
  const lastQueries = (procedure: string) => {
    const line = accounts.server.logs.findLast(
      (each) => each.procedure === procedure && 'outcome' in each,
    )
    return JSON.stringify(line).match(/"queries":\d+/)?.[0]
  }

  test.each([
    ['auth.login', (email: string) => accounts.login(email, 'wrong password')],
    [
      'auth.requestPasswordReset',
      (email: string) => safe(accounts.nobody.auth.requestPasswordReset.mutate({ email })),
    ],
  ] as const)('%s', async (procedure, call) => {
    await call(owner.user.email)
    const known = lastQueries(procedure)
    await call(`unknown-${owner.user.email}`)
    expect(known).toMatch(/[1-9]/)
    expect(lastQueries(procedure)).toBe(known)
  })

  test('auth.login, by the clock', async () => {
    const timesOf = async (addressOf: (n: number) => string) => {
      const times: number[] = []
      for (let n = 0; n < 15; n++) {
        const startedAt = performance.now()
        await accounts.login(addressOf(n), 'wrong password')
        times.push(performance.now() - startedAt)
      }
      return times.toSorted((a, b) => a - b)[7] ?? 0
    }
    const known = await Promise.all(Array.from({ length: 15 }, () => accounts.register()))
    const knownMs = await timesOf((n) => known[n]?.user.email ?? '')
    const unknownMs = await timesOf((n) => `timing${n}@example.com`)
    expect(unknownMs).toBeGreaterThan(0)
    if (process.env.TEST_FULL !== '1') return
    expect(Math.abs(knownMs - unknownMs)).toBeLessThan(knownMs / 4)
  })
})

test('the procedures of an account are for accounts of ours', async () => {
  const stranger = accounts.server.clientAs({ userId: 'anna' })
  expect(await reasonOf(stranger.auth.me.query())).toBe('UNAUTHENTICATED')
  expect(await reasonOf(stranger.auth.listApiKeys.query())).toBe('UNAUTHENTICATED')
  expect(await reasonOf(stranger.auth.logoutEverywhere.mutate())).toBe('UNAUTHENTICATED')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { defineApp } from '../../app-definition.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { auth } from './auth.ts'
import { bearerIdentity } from './identity.ts'

const app = defineApp({
  name: 'accounts',
  version: '0.0.0',
  features: { auth: auth() },
  identity: bearerIdentity(),
  migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const password = 'correct horse battery'
let accounts = 0
const newAccount = () => ({ email: `user${++accounts}@example.com`, name: 'User', password })
const withToken = (token: string) => server.client({ auth: () => token })

describe('an account', () => {
  test('is signed in when it is made, and again by its password', async () => {
    const account = newAccount()
    const { user, accessToken } = await server.client().auth.register.mutate(account)
    expect(await withToken(accessToken).auth.me.query()).toEqual(user)
    const email = account.email.toUpperCase()
    const session = await server.client().auth.login.mutate({ email, password })
    expect(session.user).toEqual(user)
  })

  test('is the only one with its address', async () => {
    const account = newAccount()
    const attempts = await Promise.all(
      Array.from({ length: 4 }, () => safe(server.client().auth.register.mutate(account))),
    )
    const reasons = attempts.flatMap(([, error]) => (error ? [error.reason] : []))
    expect(reasons).toEqual(['EMAIL_TAKEN', 'EMAIL_TAKEN', 'EMAIL_TAKEN'])
  })

  test('is not betrayed: an unknown address and a wrong password get one answer', async () => {
    const account = newAccount()
    await server.client().auth.register.mutate(account)
    const answers = await Promise.all(
      [account.email, 'nobody@example.com'].map((email) =>
        safe(server.client().auth.login.mutate({ email, password: 'wrong password' })),
      ),
    )
    const told = answers.map(([, error]) => ({ reason: error?.reason, message: error?.message }))
    expect(told[0]).toEqual(told[1])
    expect(told[0]?.reason).toBe('WRONG_CREDENTIALS')
  })

  test('leaves its password and token neither in the log nor in plain in the database', async () => {
    const account = { ...newAccount(), password: 'a very particular password' }
    const { accessToken } = await server.client().auth.register.mutate(account)
    await withToken(accessToken).auth.me.query()
    expect(JSON.stringify(server.logs)).not.toMatch(/very particular|argon2/)
    expect(JSON.stringify(server.logs)).not.toContain(accessToken)
  })

  test('needs a password of ten characters', async () => {
    const [, error] = await safe(
      server.client().auth.register.mutate({ ...newAccount(), password: 'short' }),
    )
    expect(error).toMatchObject({ reason: 'BAD_INPUT', issues: [{ path: ['password'] }] })
  })
})

test('too many passwords at once are refused, and reads go on meanwhile', async () => {
  const flood = Array.from({ length: 60 }, (_, n) =>
    safe(server.client().auth.login.mutate({ email: `nobody${n}@example.com`, password })),
  )
  const alive = await fetch(`${server.url}/livez`)
  expect(alive.status).toBe(200)
  const reasons = (await Promise.all(flood)).map(([, error]) => error?.reason)
  // Those that come last may find the address locked out.
  const told = new Set(reasons.filter((reason) => reason !== 'TOO_MANY_ATTEMPTS'))
  expect(told).toEqual(new Set(['WRONG_CREDENTIALS', 'OVERLOADED']))
  const refused = (await Promise.all(flood)).find(([, error]) => error?.reason === 'OVERLOADED')
  expect(refused?.[1]).toMatchObject({ retryable: true, retryAfterMs: 1_000 })
})

import { describe, expectTypeOf, test } from 'vitest'

import {
  browserStore,
  createClient,
  createCookieSession,
  createSession,
  safe,
  type ErrorOf,
  type SessionState,
} from '@tautline/client'

import type { AccountsRouter } from './accounts-app.ts'
import type { CookieRouter } from './cookie-world.ts'

const url = 'http://localhost'
const anonymous = createClient<AccountsRouter>({ url })
const session = createSession({
  refresh: (refreshToken, options) => {
    expectTypeOf(refreshToken).toEqualTypeOf<string>()
    return anonymous.auth.refresh.mutate({ refreshToken }, options)
  },
  store: browserStore('app'),
})
const client = createClient<AccountsRouter>({ url, session })

describe('a client with a session', () => {
  test('has the types of one without', () => {
    expectTypeOf(client).toEqualTypeOf(anonymous)
    expectTypeOf(client.notes.whose.query()).resolves.toEqualTypeOf<string>()
  })

  test('fails for the reasons that the procedure and the client have', async () => {
    type Reason = ErrorOf<typeof client.auth.refresh.mutate>['reason']
    expectTypeOf<'REFRESH_REFUSED' | 'UNAUTHENTICATED' | 'NOT_SENT'>().toExtend<Reason>()
    expectTypeOf<string>().not.toExtend<Reason>()
    const [, error] = await safe(client.notes.whose.query())
    if (error) {
      // @ts-expect-error TS2367 -- notes.whose never fails with this
      expectTypeOf(error.reason === 'REFRESH_REFUSED').toBeBoolean()
    }
  })

  test('has a session or a token, and not both', () => {
    expectTypeOf(createClient<AccountsRouter>).toBeCallableWith({ url, auth: () => null })
    // @ts-expect-error TS2345 -- two sources of one header
    createClient<AccountsRouter>({ url, session, auth: () => null })
    // @ts-expect-error TS2345 -- a token and cookies
    createClient<AccountsRouter>({ url, cookies: true, auth: () => null })
  })
})

describe('a session', () => {
  test('is in one of two states, and takes what sign-in gives', async () => {
    expectTypeOf(session.state).toEqualTypeOf<SessionState>()
    expectTypeOf<SessionState>().toEqualTypeOf<'signed-in' | 'signed-out'>()
    session.signIn(await anonymous.auth.login.mutate({ name: 'anna' }))
    expectTypeOf(session.subscribe(() => {})).toEqualTypeOf<() => void>()
    expectTypeOf(session.signOut()).toEqualTypeOf<string | null>()
  })

  test('does not take less', () => {
    // @ts-expect-error TS2345 -- nothing to refresh with
    session.signIn({ accessToken: '', expiresAt: new Date() })
    // @ts-expect-error TS2322 -- a refresh gives tokens
    createSession({ refresh: async () => 'token' })
  })
})

describe('a session over cookies', () => {
  const browser = createClient<CookieRouter>({ url, cookies: true })
  const cookies = createCookieSession({
    refresh: (options) => browser.auth.refreshCookie.mutate(undefined, options),
  })

  test('is one for a client, and takes what sign-in gives, which is no token', async () => {
    expectTypeOf(createClient<CookieRouter>({ url, session: cookies })).toEqualTypeOf(browser)
    const answer = await browser.auth.signInWithCookie.mutate({ email: '', password: '' })
    cookies.signIn(answer)
    expectTypeOf<keyof typeof answer>().toEqualTypeOf<'user' | 'expiresAt' | 'refreshExpiresAt'>()
    expectTypeOf(cookies.signOut()).toEqualTypeOf<void>()
    expectTypeOf(cookies.state).toEqualTypeOf<SessionState>()
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { createClient, safe } from '@tautline/client'

import {
  auth,
  bearerIdentity,
  cookieIdentity,
  defineApp,
  firstIdentity,
  query,
} from '../../index.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { password } from './accounts.fixture.ts'
import { cookiesOf, createBrowser } from './browser.fixture.ts'
import { REFRESH_TTL_MS, REUSE_GRACE_MS } from './session.ts'

const APP = 'https://app.example.com'
const STRANGER = 'https://stranger.example'

const fresh = query({
  summary: 'For callers whose session holds this moment.',
  output: z.string(),
  policy: { allow: 'user', fresh: true },
  run: async ({ ctx }) => ctx.principal.userId,
})

const app = defineApp({
  name: 'cookies',
  version: '0.0.0',
  features: { auth: auth({ cookies: { sameSite: 'strict' } }), probe: { router: { fresh } } },
  identity: firstIdentity(bearerIdentity(), cookieIdentity()),
  migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
let now = new Date()
beforeAll(async () => {
  const http = {
    hosts: undefined,
    corsOrigins: [APP],
    corsCredentials: true,
    hsts: false,
    trustedProxies: [],
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
  }
  server = await startTestServer(app, { config: { http }, clock: { now: () => now } })
})
afterAll(() => server?.[Symbol.asyncDispose]())

let accounts = 0
const newAccount = () => ({ email: `user${++accounts}@example.com`, name: 'User', password })

/** A browser with a page of this server, and a client on that page. */
function openPage(origin = server.url) {
  const browser = createBrowser(origin)
  const url = `${server.url}/rpc`
  const client = createClient<(typeof app)['router']>({
    url,
    cookies: true,
    retry: false,
    fetch: browser.fetch,
  })
  return { ...browser, client }
}

async function signedInPage(origin?: string) {
  const page = openPage(origin)
  const account = newAccount()
  const { user } = await page.client.auth.registerWithCookie.mutate(account)
  return { ...page, account, user }
}

const post = (procedure: string, input: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/rpc/${procedure}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: input === undefined ? null : JSON.stringify({ json: input }),
  })

const cookieOf = ({ jar }: { jar: Map<string, string> }) =>
  [...jar].map((pair) => pair.join('=')).join('; ')

/** What a refusal says, in the envelope of tRPC. */
async function refusalOf(answer: Response) {
  const body: unknown = await answer.json()
  return { status: answer.status, reason: /"reason":"(\w+)"/.exec(JSON.stringify(body))?.[1] }
}

describe('a sign-in with cookies', () => {
  test('answers without tokens, and sets them where no script can read them', async () => {
    const account = newAccount()
    const answer = await post('auth.registerWithCookie', account)
    const cookies = cookiesOf(answer)
    expect(cookies.map(({ name }) => name)).toEqual([
      '__Host-tautline-access',
      '__Host-tautline-refresh',
    ])
    for (const { attributes } of cookies) {
      expect(attributes).toEqual(
        expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']),
      )
      expect(attributes.join()).not.toContain('Domain')
    }
    expect(cookies[0]?.attributes).toContain('Max-Age=600')
    expect(cookies[1]?.attributes).toContain(`Max-Age=${REFRESH_TTL_MS / 1_000}`)
    const text = await answer.text()
    for (const { value } of cookies) expect(text).not.toContain(value)
    expect(text).not.toMatch(/token/i)
    expect(text).toContain(account.email)
    expect(JSON.stringify(server.logs)).not.toContain(cookies[1]?.value)
  })

  test('makes its page the user, also on a procedure that asks the session', async () => {
    const { client, user, account } = await signedInPage()
    expect(await client.auth.me.query()).toEqual(user)
    expect(await client.probe.fresh.query()).toBe(user.id)
    const other = openPage()
    const { email } = account
    expect((await other.client.auth.signInWithCookie.mutate({ email, password })).user).toEqual(
      user,
    )
    expect(await other.client.auth.me.query()).toEqual(user)
  })

  test('that fails sets nothing', async () => {
    const { account } = await signedInPage()
    const { email } = account
    const answer = await post('auth.signInWithCookie', { email, password: 'not the password' })
    expect(await refusalOf(answer)).toEqual({ status: 401, reason: 'WRONG_CREDENTIALS' })
    expect(cookiesOf(answer)).toEqual([])
  })

  test('is refused in a stream before anything happens', async () => {
    const account = newAccount()
    const answer = await fetch(`${server.url}/rpc/auth.registerWithCookie?batch=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'trpc-accept': 'application/jsonl' },
      body: JSON.stringify({ 0: { json: account } }),
    })
    expect(await answer.text()).toContain('"streamed"')
    expect(cookiesOf(answer)).toEqual([])
    await openPage().client.auth.registerWithCookie.mutate(account) // the address is still free
  })

  test('does not count beside a header that says otherwise', async () => {
    const page = await signedInPage()
    const { accessToken, user } = await server.client().auth.register.mutate(newAccount())
    const me = async (authorization: string) =>
      fetch(`${server.url}/rpc/auth.me`, { headers: { cookie: cookieOf(page), authorization } })
    expect(await (await me(`Bearer ${accessToken}`)).text()).toContain(user.id)
    expect((await me('Bearer x')).status).toBe(401)
  })
})

describe('cookies of a session', () => {
  test('are exchanged for new ones, and the used ones end it when they come back', async () => {
    const page = await signedInPage()
    const used = cookieOf(page)
    expect((await page.client.auth.refreshCookie.mutate()).user).toEqual(page.user)
    expect(cookieOf(page)).not.toBe(used)
    expect(await page.client.auth.me.query()).toEqual(page.user)
    now = new Date(now.getTime() + REUSE_GRACE_MS + 1)
    const again = await post('auth.refreshCookie', undefined, { cookie: used, origin: server.url })
    expect(await refusalOf(again)).toEqual({ status: 401, reason: 'REFRESH_REFUSED' })
    const [, error] = await safe(page.client.auth.refreshCookie.mutate())
    expect(error?.reason).toBe('REFRESH_REFUSED')
    expect(page.jar.size).toBe(0)
  })

  test('are taken away where the one to exchange is missing', async () => {
    const page = await signedInPage()
    page.jar.delete('__Host-tautline-refresh')
    const [, error] = await safe(page.client.auth.refreshCookie.mutate())
    expect(error?.reason).toBe('REFRESH_REFUSED')
    expect(page.jar.size).toBe(0)
  })

  test('are taken away at sign-out, and the session has ended', async () => {
    const page = await signedInPage()
    const old = cookieOf(page)
    await page.client.auth.signOutCookie.mutate()
    expect(page.jar.size).toBe(0)
    const again = await post('auth.refreshCookie', undefined, { cookie: old, origin: server.url })
    expect(await refusalOf(again)).toMatchObject({ reason: 'REFRESH_REFUSED' })
    await page.client.auth.signOutCookie.mutate()
  })

  test('that are none of ours are nobody’s', async () => {
    for (const cookie of [
      'access=x',
      '__Host-tautline-access=x',
      '__Host-tautline-access',
      ';;=',
    ]) {
      const answer = await fetch(`${server.url}/rpc/auth.me`, { headers: { cookie } })
      expect(answer.status).toBe(401)
    }
  })
})

describe('a POST', () => {
  let strangers = 0
  const signIn = (headers: Record<string, string>) =>
    post('auth.login', { email: `nobody${++strangers}@example.com`, password }, headers)
  const own = () => new URL(server.url).host
  const REFUSED = { status: 403, reason: 'ORIGIN_REFUSED' }
  const SERVED = { status: 401, reason: 'WRONG_CREDENTIALS' }

  test.each([
    ['without an origin, as of a program', () => ({}), SERVED],
    ['of a page of this host', () => ({ origin: server.url }), SERVED],
    ['of a page of this host behind TLS', () => ({ origin: `https://${own()}` }), SERVED],
    ['of a page that is listed', () => ({ origin: APP }), SERVED],
    ['of a stranger’s page', () => ({ origin: STRANGER }), REFUSED],
    ['of a page that resembles', () => ({ origin: `${APP}.stranger.example` }), REFUSED],
    ['of another port of this host', () => ({ origin: 'http://127.0.0.1:1' }), REFUSED],
    ['of a page without an origin', () => ({ origin: 'null' }), REFUSED],
    [
      'of a stranger’s page with a token',
      () => ({ origin: STRANGER, authorization: 'Bearer x' }),
      SERVED,
    ],
  ])('%s is answered accordingly', async (_, headers, expected) => {
    expect(await refusalOf(await signIn(headers()))).toEqual(expected)
  })

  test('with our cookies tells where it comes from, or is refused', async () => {
    const page = await signedInPage(APP)
    const cookie = cookieOf(page)
    const change = (headers: Record<string, string>) =>
      post('auth.logoutEverywhere', undefined, { cookie, ...headers })
    expect(await refusalOf(await change({}))).toEqual(REFUSED)
    expect(await refusalOf(await change({ 'sec-fetch-site': 'cross-site' }))).toEqual(REFUSED)
    expect(await refusalOf(await change({ 'sec-fetch-site': 'same-site' }))).toEqual(REFUSED)
    expect(await refusalOf(await change({ origin: STRANGER }))).toEqual(REFUSED)
    expect(await page.client.probe.fresh.query()).toBe(page.user.id) // nothing has happened
    expect((await signIn({ cookie: 'theme=dark' })).status).toBe(401)
    expect((await change({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect((await safe(page.client.probe.fresh.query()))[1]?.reason).toBe('UNAUTHENTICATED')
  })

  test('is refused before its body is read', async () => {
    const answer = await fetch(`${server.url}/rpc/auth.login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: STRANGER },
      body: '{"not json',
    })
    expect(await refusalOf(answer)).toEqual(REFUSED)
  })
})

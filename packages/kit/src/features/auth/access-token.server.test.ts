import { createHmac } from 'node:crypto'

import { decodeProtectedHeader, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createSecrets } from '../../platform/secrets.ts'
import { startTestServer } from '../../testing/index.ts'
import { ACCESS_TOKEN_TTL_MS, issueAccessToken } from './access-token.ts'
import { accountsApp, reasonOf, startAccounts, type Accounts } from './accounts.fixture.ts'

const secret = 'the secret that is in force by now'
const previousSecret = 'the secret that was in force before'
const somebody = { userId: crypto.randomUUID(), roles: [], scopes: [] }

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts({ config: { secret, previousSecret } })
})
afterAll(() => accounts[Symbol.asyncDispose]())

const clock = { now: () => accounts.now() }
const issuedWith = async (other: string) =>
  (await issueAccessToken({ secrets: createSecrets(other), clock }, somebody)).accessToken
const peek = (token: string) => reasonOf(accounts.as(token).probe.plain.query())

const { kid, key } = createSecrets(secret).signingKey('access-token')
const old = createSecrets(previousSecret).signingKey('access-token')
const header = { alg: 'HS256', typ: 'at+jwt', kid }

const claims = (more: Record<string, unknown> = {}) =>
  new SignJWT(more)
    .setSubject('someone')
    .setJti('1')
    .setIssuer('tautline')
    .setAudience('tautline-rpc')
    .setIssuedAt(accounts.now())
    .setExpirationTime(new Date(accounts.now().getTime() + 60_000))

const signed = (token: SignJWT, more: object = {}, by: Uint8Array = key) =>
  token.setProtectedHeader({ ...header, ...more }).sign(by)

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What no library would sign, in tokens that are right but for this. */
const unsigned = (more: object = {}) => {
  const seconds = Math.floor(accounts.now().getTime() / 1_000)
  const body = { sub: 'someone', jti: '1', iss: 'tautline', aud: 'tautline-rpc' }
  return `${part({ ...header, ...more })}.${part({ ...body, iat: seconds, exp: seconds + 60 })}`
}
const hmac = (text: string, by: Uint8Array | string) =>
  `${text}.${createHmac('sha256', by).update(text).digest('base64url')}`

describe('an access token', () => {
  test('that is right is believed, by whatever means it was made', async () => {
    expect(await peek(await signed(claims()))).toBeUndefined()
    expect(await peek(hmac(unsigned(), key))).toBeUndefined()
  })

  test.each([
    ['signed with another key', () => signed(claims(), {}, new Uint8Array(32))],
    ['of another issuer', () => signed(claims().setIssuer('x'))],
    ['for another audience', () => signed(claims().setAudience('x'))],
    ['of another type', () => signed(claims(), { typ: 'JWT' })],
    ['of another algorithm', () => signed(claims(), { alg: 'HS512' })],
    ['of no algorithm, without a signature', () => `${unsigned({ alg: 'none' })}.`],
    ['of no algorithm, with one', () => hmac(unsigned({ alg: 'none' }), key)],
    ['without a signature', () => `${unsigned()}.`],
    ['signed with nothing', () => hmac(unsigned(), '')],
    ['with its key’s name for a key', () => hmac(unsigned(), kid)],
    ['without the name of its key', () => signed(claims(), { kid: undefined })],
    ['with the name of another key', () => signed(claims(), { kid: old.kid })],
    ['with the name of the current key and the old signature', () => signed(claims(), {}, old.key)],
    ['with a path for a name', () => signed(claims(), { kid: '../../etc/passwd' })],
    ['with a property for a name', () => signed(claims(), { kid: '__proto__' })],
    ['with a number for a name', () => hmac(unsigned({ kid: 1 }), key)],
    ['that brings its own key', () => hmac(unsigned({ jwk: { kty: 'oct', k: 'AA' } }), 'AA')],
    ['without an end', () => signed(new SignJWT({ sub: 'someone', jti: '1' }))],
    ['of a session that is no id', () => signed(claims({ sid: 'x' }))],
    ['that is no token', () => 'abc'],
    ['that is dots', () => '..'],
  ])('%s is nobody’s', async (_, forge) => {
    const token = await Promise.resolve().then(forge, () => 'it could not even be signed')
    expect(await peek(token)).toBe('UNAUTHENTICATED')
  })

  test('of the previous secret is still believed, one of a third is not', async () => {
    expect(await peek(await issuedWith(previousSecret))).toBeUndefined()
    expect(await peek(await issuedWith('a secret that nobody here knows of'))).toBe(
      'UNAUTHENTICATED',
    )
  })

  test('is signed with the current secret', async () => {
    const { accessToken } = await accounts.register()
    expect(decodeProtectedHeader(accessToken)).toEqual(header)
  })

  test('ends after its time by the server’s clock, also when it was believed before', async () => {
    const { accessToken, expiresAt } = await accounts.register()
    expect(expiresAt.getTime()).toBe(accounts.now().getTime() + ACCESS_TOKEN_TTL_MS)
    expect(await peek(accessToken)).toBeUndefined()
    accounts.pass(ACCESS_TOKEN_TTL_MS + 10_000)
    expect(await peek(accessToken)).toBe('UNAUTHENTICATED')
  })

  test('of an account that is gone is nobody’s', async () => {
    const { accessToken } = await issueAccessToken(accounts.server.app.resources, somebody)
    expect(await reasonOf(accounts.as(accessToken).auth.me.query())).toBe('UNAUTHENTICATED')
  })

  test('from before there were sessions is believed, but not by a fresh procedure', async () => {
    const { accessToken } = await issueAccessToken(accounts.server.app.resources, somebody)
    expect(await peek(accessToken)).toBeUndefined()
    expect(await reasonOf(accounts.as(accessToken).probe.fresh.query())).toBe('UNAUTHENTICATED')
  })
})

describe('tokens that were verified', () => {
  test('are counted', async () => {
    const { accessToken } = await accounts.register()
    const size = () => accounts.server.app.metrics.snapshot().gauges.auth_token_cache_entries ?? 0
    await peek('abc')
    const before = size()
    await peek(accessToken)
    await peek(accessToken)
    expect(size()).toBe(before + 1)
  })

  test('are remembered by the server that did, and by no other of the same app', async () => {
    const app = accountsApp(async () => {})
    await using one = await startTestServer(app, { config: { secret } })
    await using other = await startTestServer(app, { config: { secret: previousSecret } })
    const auth = () => accessToken
    const { accessToken } = await issueAccessToken(one.app.resources, somebody)
    await one.client({ auth }).probe.plain.query()
    expect(await reasonOf(other.client({ auth }).probe.plain.query())).toBe('UNAUTHENTICATED')
  })
})

import { createHmac } from 'node:crypto'

import { exportSPKI, generateKeyPair, importJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { AUDIENCE, startIssuer, type Issuer } from './issuer.fixture.ts'
import { startOidcApp } from './oidc-app.fixture.ts'

let issuer: Issuer
let app: Awaited<ReturnType<typeof startOidcApp>>
beforeAll(async () => {
  issuer = await startIssuer()
  app = await startOidcApp(issuer.url)
})
afterAll(async () => {
  await app?.[Symbol.asyncDispose]()
  await issuer?.[Symbol.asyncDispose]()
})

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const payloadOf = (token: string) => token.split('.')[1] ?? ''
const hmac = (text: string, secret: string) =>
  `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`

/** What the issuer publishes, in the text that an attacker would take for a secret. */
const publicPem = async () => {
  const key = await importJWK(issuer.key.publicJwk)
  if (key instanceof Uint8Array) throw new Error('A public key is no secret.')
  return exportSPKI(key)
}

describe('a token of the issuer', () => {
  test('says who its bearer is, and who vouches for that', async () => {
    expect(await app.whois(await issuer.token())).toEqual({
      userId: 'anna',
      issuer: issuer.url,
      roles: [],
      scopes: ['items:read', 'items:write'],
    })
    expect(await app.whois(await issuer.token({ clientId: 'berta', scope: '' }))).toMatchObject({
      userId: 'berta',
      scopes: [],
    })
  })

  test('brings its roles, and its scopes also as a list', async () => {
    const token = await issuer.sign({ roles: ['admin'], scope: ['a', 'b'] })
    expect(await app.whois(token)).toMatchObject({ roles: ['admin'], scopes: ['a', 'b'] })
  })

  test('for another audience is nobody’s', async () => {
    const token = await issuer.token({ audience: 'https://other.example.com' })
    expect(await app.whois(token)).toBe('UNAUTHENTICATED')
  })

  test('of another issuer is nobody’s, and is not worth a request', async () => {
    await using other = await startIssuer()
    await using own = await startOidcApp(issuer.url) // has no keys yet
    const before = issuer.keyRequests()
    expect(await own.whois(await other.token())).toBe('UNAUTHENTICATED')
    expect(issuer.keyRequests()).toBe(before)
    expect(other.keyRequests()).toBe(0)
  })

  test('ends after its time, also when it was believed before', async () => {
    await using own = await startOidcApp(issuer.url)
    const seconds = Math.floor(Date.now() / 1_000)
    const token = await issuer.sign({ exp: seconds + 120 })
    expect(await own.whois(token)).toMatchObject({ userId: 'anna' })
    own.pass(160_000)
    expect(await own.whois(token)).toBe('UNAUTHENTICATED')
  })

  test('vouches for no session of ours', async () => {
    const [, error] = await safe(app.as(await issuer.token()).probe.fresh.query())
    expect(error?.reason).toBe('UNAUTHENTICATED')
  })

  const seconds = Math.floor(Date.now() / 1_000)
  test.each([
    ['of an issuer that only resembles', () => issuer.sign({ iss: `${issuer.url}/` })],
    ['for an audience that only resembles', () => issuer.sign({ aud: `${AUDIENCE}/` })],
    ['without an audience', () => issuer.sign({ aud: [] })],
    ['that has expired', () => issuer.sign({ exp: seconds - 60 })],
    ['from the future', () => issuer.sign({ iat: seconds + 300 })],
    ['that is not valid yet', () => issuer.sign({ nbf: seconds + 300 })],
    ['without an end', () => issuer.sign({ exp: undefined })],
    ['without a user', () => issuer.sign({ sub: '' })],
    ['of a user that no database could keep', () => issuer.sign({ sub: 'an\0na' })],
    ['of another type', () => issuer.sign({}, { typ: 'logout+jwt' })],
    ['with the name of no key', () => issuer.sign({}, { kid: 'x' })],
    ['with a path for a key', () => issuer.sign({}, { kid: '../../etc/passwd' })],
    ['with a property for a key', () => issuer.sign({}, { kid: '__proto__' })],
    [
      'signed with another key',
      async () => issuer.sign({}, {}, (await generateKeyPair('ES256')).privateKey),
    ],
    [
      'of no algorithm',
      async () => `${part({ alg: 'none', typ: 'JWT' })}.${payloadOf(await issuer.sign())}.`,
    ],
    [
      'of no algorithm, with a signature',
      async () =>
        hmac(`${part({ alg: 'none', kid: issuer.key.kid })}.${payloadOf(await issuer.sign())}`, ''),
    ],
    [
      'signed with the public key for a secret',
      async () =>
        hmac(
          `${part({ alg: 'HS256', kid: issuer.key.kid })}.${payloadOf(await issuer.sign())}`,
          await publicPem(),
        ),
    ],
    ['that is dots', async () => '..'],
    ['that is no token', async () => 'a.b.c'],
  ])('%s is nobody’s', async (_, forge) => {
    expect(await app.whois(await issuer.token())).toMatchObject({ userId: 'anna' })
    expect(await app.whois(await forge())).toBe('UNAUTHENTICATED')
  })

  test('that brings its own keys is nobody’s, and they are not asked for', async () => {
    await using other = await startIssuer()
    const { kid, privateKey, publicJwk } = other.key
    const jku = `${other.url}/jwks`
    for (const header of [
      { jku, kid },
      { x5u: jku, kid },
      { jku, x5u: jku, kid: issuer.key.kid },
      { jwk: publicJwk, kid },
      { jwk: publicJwk },
      { jwk: publicJwk, kid: issuer.key.kid },
    ]) {
      expect(await app.whois(await issuer.sign({}, header, privateKey))).toBe('UNAUTHENTICATED')
    }
    expect(other.keyRequests()).toBe(0)
  })
})

describe('a user of the issuer', () => {
  test('has no account with us, even with the id of one', async () => {
    const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
    const { user, accessToken } = await app.server.client().auth.register.mutate(account)
    const foreign = await issuer.sign({ sub: user.id })
    expect(await app.whois(foreign)).toMatchObject({ userId: user.id, issuer: issuer.url })
    const [, error] = await safe(app.as(foreign).auth.me.query())
    expect(error?.reason).toBe('UNAUTHENTICATED')
    expect(await app.as(accessToken).auth.me.query()).toEqual(user)
  })

  test('cannot use the cursor of ours who has the same id', async () => {
    const foreign = app.as(await issuer.sign({ sub: 'cora' })).probe
    const own = app.server.clientAs({ userId: 'cora' }).probe
    const tenant = app.server.clientAs({ userId: 'cora', tenantId: 'acme' }).probe
    const cursor = await own.page.query({})
    expect(await own.page.query({ cursor })).toBe('1')
    for (const other of [foreign, tenant]) {
      await expect(other.page.query({ cursor })).rejects.toMatchObject({ reason: 'BAD_INPUT' })
      expect(await other.page.query({ cursor: await other.page.query({}) })).toBe('1')
    }
  })
})

describe('verified tokens', () => {
  test('are counted, and verified once', async () => {
    await using own = await startOidcApp(issuer.url)
    const gauge = () => own.server.app.metrics.snapshot().gauges['oidc_token_cache_entries']
    const token = await issuer.token()
    await own.whois(token)
    await own.whois(token)
    expect(gauge()).toBe(1)
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import {
  KEYS_BELIEVED_MS,
  KEYS_COOL_DOWN_MS,
  KEYS_FRESH_MS,
  NO_KEYS_COOL_DOWN_MS,
} from './issuer-keys.ts'
import { startIssuer, type Issuer } from './issuer.fixture.ts'
import { startOidcApp } from './oidc-app.fixture.ts'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer?.[Symbol.asyncDispose]())
beforeEach(() => issuer.comeBack())

const anna = { userId: 'anna' }
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value)

/** Tokens that live long enough for what the clock does here. */
const lasting = (sub = 'anna') =>
  issuer.sign({ sub, exp: Math.floor(Date.now() / 1_000) + 86_400, jti: crypto.randomUUID() })

describe('the keys of an issuer', () => {
  test('are fetched once for all who wait for them', async () => {
    await using app = await startOidcApp(issuer.url)
    const before = issuer.keyRequests()
    const tokens = await Promise.all(times(10, 0).map(() => lasting()))
    expect(await Promise.all(tokens.map((token) => app.whois(token)))).toMatchObject(
      times(10, anna),
    )
    expect(issuer.keyRequests()).toBe(before + 1)
  })

  test('are fetched again for one that is new, and not for each that is made up', async () => {
    await using app = await startOidcApp(issuer.url)
    const old = await lasting()
    expect(await app.whois(old)).toMatchObject(anna)
    await issuer.rotate()
    app.pass(KEYS_COOL_DOWN_MS)
    const before = issuer.keyRequests()
    expect(await app.whois(await issuer.token())).toMatchObject(anna)
    for (const kid of ['a', 'b', 'c']) {
      expect(await app.whois(await issuer.sign({}, { kid }))).toBe('UNAUTHENTICATED')
    }
    expect(issuer.keyRequests()).toBe(before + 1)
    app.pass(KEYS_FRESH_MS)
    expect(await app.whois(old)).toBe('UNAUTHENTICATED') // its key was withdrawn
  })

  test('are believed for an hour while the issuer is away, and then nobody knows', async () => {
    await using app = await startOidcApp(issuer.url)
    await app.whois(await lasting())
    const [early, late] = [await lasting(), await lasting()]
    issuer.leave()
    app.pass(KEYS_BELIEVED_MS - 1_000)
    expect(await app.whois(early)).toMatchObject(anna)
    app.pass(KEYS_COOL_DOWN_MS)
    expect(await app.whois(late)).toBe('UNAVAILABLE')
    issuer.comeBack()
    app.pass(NO_KEYS_COOL_DOWN_MS)
    expect(await app.whois(late)).toMatchObject(anna)
  })

  test('that are new cannot be judged while the issuer is away', async () => {
    await using app = await startOidcApp(issuer.url)
    await app.whois(await lasting())
    await issuer.rotate()
    const token = await lasting()
    issuer.leave()
    app.pass(KEYS_COOL_DOWN_MS)
    expect(await app.whois(token)).toBe('UNAVAILABLE')
    issuer.comeBack()
    app.pass(KEYS_COOL_DOWN_MS)
    expect(await app.whois(token)).toMatchObject(anna)
  })

  test('that never came make no call fail as if its caller were nobody', async () => {
    await using app = await startOidcApp(issuer.url)
    const token = await lasting()
    issuer.leave()
    const [, error] = await safe(app.as(token).probe.whoAmI.query())
    expect(error).toMatchObject({ reason: 'UNAVAILABLE', retryable: true, retryAfterMs: 1_000 })
    expect(await app.whois('of.another.kind')).toBe('UNAUTHENTICATED')
    issuer.comeBack()
    app.pass(NO_KEYS_COOL_DOWN_MS)
    expect(await app.whois(token)).toMatchObject(anna)
  })

  test('are asked for where they are said to be', async () => {
    await using app = await startOidcApp(issuer.url, { jwksUrl: `${issuer.url}/jwks` })
    expect(await app.whois(await lasting())).toMatchObject(anna)
  })
})

describe('an issuer whose answer is no good counts as away', () => {
  const json = (body: unknown) => JSON.stringify(body)
  const somewhere = 'http://192.0.2.1/jwks'
  test.each([
    ['it speaks for another', () => json({ issuer: 'https://x', jwks_uri: `${issuer.url}/jwks` })],
    ['its keys are not safe on the way', () => json({ issuer: issuer.url, jwks_uri: somewhere })],
    ['it is no JSON', () => '<html>'],
    ['it is endless', () => json({ padding: 'x'.repeat(300_000) })],
  ])('%s', async (_, answer) => {
    const token = await lasting()
    await using app = await startOidcApp(issuer.url)
    issuer.become((_request, response) => response.end(answer()))
    expect(await app.whois(token)).toBe('UNAVAILABLE')
    issuer.comeBack()
  })

  test('it leads elsewhere', async () => {
    await using other = await startIssuer()
    const token = await lasting()
    await using app = await startOidcApp(issuer.url)
    issuer.become((request, response) =>
      response.writeHead(302, { location: `${other.url}${request.url}` }).end(),
    )
    expect(await app.whois(token)).toBe('UNAVAILABLE')
    issuer.comeBack()
    expect(other.keyRequests()).toBe(0)
  })
})

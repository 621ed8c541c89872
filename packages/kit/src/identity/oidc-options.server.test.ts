import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { firstIdentity, oidcIdentity, type Identity, type OidcOptions } from '../index.ts'
import { AUDIENCE, startIssuer, type Issuer } from './issuer.fixture.ts'
import { startOidcApp } from './oidc-app.fixture.ts'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer('EdDSA')
})
afterAll(() => issuer?.[Symbol.asyncDispose]())

describe('claims', () => {
  type Claims = NonNullable<OidcOptions['claims']>
  const tenants: Claims = (payload) => ({
    userId: `client ${payload.sub}`,
    tenantId: String(payload['org']),
    roles: payload['admin'] === true ? ['admin'] : [],
    scopes: [],
  })
  let map = tenants
  let app: Awaited<ReturnType<typeof startOidcApp>>
  beforeAll(async () => {
    app = await startOidcApp(issuer.url, { claims: (payload) => map(payload) })
  })
  afterAll(() => app?.[Symbol.asyncDispose]())

  test('are read as the backend says, tenant and all', async () => {
    map = tenants
    issuer.claim({ org: 'acme', admin: true })
    expect(await app.whois(await issuer.token())).toEqual({
      userId: 'client anna',
      tenantId: 'acme',
      issuer: issuer.url,
      roles: ['admin'],
      scopes: [],
    })
  })

  const rubbish: [string, () => unknown][] = [
    ['throws', () => JSON.parse('')],
    ['returns nothing', () => undefined],
    ['returns no user', () => ({ roles: [], scopes: [] })],
    ['returns an empty user', () => ({ userId: '', roles: [], scopes: [] })],
    ['returns an empty tenant', () => ({ userId: 'a', tenantId: '', roles: [], scopes: [] })],
    ['returns a text for a list', () => ({ userId: 'a', roles: 'admin', scopes: [] })],
    ['returns a promise', async () => ({ userId: 'a', roles: [], scopes: [] })],
  ]
  test.each(rubbish)('whose mapping %s make nobody', async (_, mapping) => {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- what the types would refuse
    map = mapping as Claims
    expect(await app.whois(await issuer.token())).toBe('UNAUTHENTICATED')
  })
})

describe('algorithms', () => {
  test('that are not listed are not believed, whatever keys the issuer has', async () => {
    await using app = await startOidcApp(issuer.url, { algorithms: ['RS256'] })
    expect(await app.whois(await issuer.token())).toBe('UNAUTHENTICATED')
  })

  test.each(['none', 'HS256', 'HS512', 'dir', ''])('cannot be %j', (algorithm) => {
    const options = { issuer: issuer.url, audience: AUDIENCE, algorithms: [algorithm] }
    expect(() => oidcIdentity(options)).toThrow(/only the issuer can make/)
  })
})

test.each([
  ['plain HTTP to another machine', { issuer: 'http://idp.example.com' }, /must be https/],
  ['keys over plain HTTP', { jwksUrl: 'http://idp.example.com/jwks' }, /must be https/],
  ['no URL', { issuer: 'idp' }, /not a URL/],
  ['no audience', { audience: '' }, /audience is empty/],
])('%s is refused at once', (_, options, message) => {
  const right = { issuer: 'https://idp.example.com', audience: AUDIENCE }
  expect(() => oidcIdentity({ ...right, ...options })).toThrow(message)
})

describe('firstIdentity', () => {
  const request = { headers: {}, address: '' }
  const known = (userId: string) => () => ({ userId, roles: [], scopes: [] })

  test('asks one after the other until one knows the caller', async () => {
    await using app = await startOidcApp(issuer.url)
    const { resources } = app.server.app
    const ask = (...all: Identity[]) => firstIdentity(...all)(request, resources)
    expect(await ask(() => null, known('anna'), known('berta'))).toMatchObject({ userId: 'anna' })
    expect(await ask(() => null)).toBeNull()
    const away = () => Promise.reject(new Error('away'))
    await expect(ask(away, known('anna'))).rejects.toThrow('away')
  })
})

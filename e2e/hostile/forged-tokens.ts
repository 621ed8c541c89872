import fc from 'fast-check'

import { MARKER } from './hostile-text.ts'
import type { World } from './world.ts'

/** Values of `Authorization` that are nobody's, made of real ones. */
export function forgedTokens(world: World): fc.Arbitrary<string> {
  const { victim, victimsSecrets } = world
  const { apiKey, cursor } = victimsSecrets
  const tokens = fc.oneof(
    { weight: 3, arbitrary: mangled(victim.accessToken) },
    { weight: 1, arbitrary: mangled(apiKey) },
    { weight: 3, arbitrary: fc.constantFrom(...forgeries(victim.accessToken)) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '',
        '.',
        '..',
        '...',
        'null',
        'undefined',
        MARKER,
        'a'.repeat(9_000),
        '.'.repeat(9_000),
        `tlk_00000000_${'a'.repeat(43)}`,
        `tlk_${MARKER}`,
        victim.id,
        victim.refreshToken,
        cursor,
      ),
    },
  )
  const schemes = fc.constantFrom('Bearer ', 'bearer ', 'Bearer', 'Basic ', 'Test ', 'DPoP ', '')
  return fc.oneof(
    { weight: 5, arbitrary: tokens.map((token) => `Bearer ${token}`) },
    { weight: 1, arbitrary: fc.tuple(schemes, tokens).map(([scheme, token]) => scheme + token) },
  )
}

/**
 * A secret with one character changed, cut off or added. Never the last one of a part: of that,
 * base64 reads only some of the bits, so that it may say the same as before.
 */
export function mangled(secret: string): fc.Arbitrary<string> {
  const inner = [...secret.matchAll(/[^.](?=[^.])/g)].map(({ index }) => index)
  const change = fc.constantFrom<(at: number) => string>(
    (at) => secret.slice(0, at) + (secret[at] === 'A' ? 'B' : 'A') + secret.slice(at + 1),
    (at) => secret.slice(0, at),
    (at) => secret.slice(0, at) + secret.slice(at + 1),
    (at) => `${secret.slice(0, at)}x${secret.slice(at)}`,
    (at) => `${secret.slice(0, at)}.${secret.slice(at)}`,
    (at) => secret + secret.slice(0, at + 1),
  )
  return fc.tuple(fc.constantFrom(...inner), change).map(([at, how]) => how(at))
}

type Claims = Readonly<Record<string, unknown>>

/** A token's own words with some of them changed, under signatures that do not say so. */
function forgeries(token: string): string[] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const headers: Claims[] = [
    { alg: 'none' },
    { alg: 'None', kid: '' },
    { alg: 'HS256', kid: '../../../dev/null' },
    { alg: 'HS512', kid: "' or 1=1; --" },
    { alg: 'RS256' },
    { alg: 'ES256', jwk: { kty: 'oct', k: 'AAAA' } },
    { kid: '__proto__' },
    { kid: ['a'] },
    { crit: ['b64'], b64: false },
    { jku: `https://127.0.0.1:1/${MARKER}`, x5u: 'file:a' },
    { zip: 'DEF', alg: 'dir', enc: 'A256GCM' },
  ]
  const claims: Claims[] = [
    { exp: 4e9 },
    { exp: 'never', nbf: MARKER },
    { sub: MARKER },
    { sub: null },
    { roles: ['admin'] },
    { aud: '*', iss: MARKER },
  ]
  return [
    ...headers.flatMap((change) => {
      const changed = withClaims(header, change)
      return ['', 'AAAA', signature].map((end) => `${changed}.${payload}.${end}`)
    }),
    ...claims.map((change) => `${header}.${withClaims(payload, change)}.${signature}`),
    `${header}.${payload}`,
    `${header}..${signature}`,
    `${header}.${payload}.${signature}.${signature}`,
  ]
}

function withClaims(part: string, change: Claims): string {
  const claims: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
  const changed = { ...(typeof claims === 'object' ? claims : {}), ...change }
  return Buffer.from(JSON.stringify(changed)).toString('base64url')
}

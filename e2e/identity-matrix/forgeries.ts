import { createHmac, createSign, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

import { z } from 'zod'

import type { App } from '@tautline/kit'

type Json = Readonly<Record<string, unknown>>
type Sign = (text: string) => string

/** What a forger works with. Where a right signature is made, something else must be wrong. */
export interface Forger {
  /** Header and claims of a token that the server gave out. */
  readonly header: Json
  readonly claims: Json
  readonly issuedAtS: number
  /** Signature of that token. */
  readonly signature: string
  readonly signRightly: Sign
  /** The key that the server signs access tokens with. */
  readonly rightKey: Uint8Array
  /** A key of the server's for another use, and its name. */
  readonly otherKey: { readonly kid: string; readonly key: Uint8Array }
  /** An address of the forger's, where keys can be had. */
  readonly keysUrl: string
}

const rsa = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
const publicJwk = rsa.publicKey.export({ format: 'jwk' })

const hmac =
  (hash: string, key: Uint8Array | string): Sign =>
  (text) =>
    createHmac(hash, key).update(text).digest('base64url')

const signRs256: Sign = (text) =>
  createSign('RSA-SHA256').update(text).sign(rsa.privateKey, 'base64url')

const unsigned: Sign = () => ''

function encode(part: Json): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function token(header: Json, claims: Json, sign: Sign): string {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${sign(text)}`
}

const withClaims =
  (change: (real: Forger) => Json) =>
  (real: Forger): string =>
    token(real.header, { ...real.claims, ...change(real) }, real.signRightly)

const withHeader =
  (change: (real: Forger) => Json, sign: (real: Forger) => Sign) =>
  (real: Forger): string =>
    token({ ...real.header, ...change(real) }, real.claims, sign(real))

const guessed = () => hmac('sha256', 'guessed')

/** Changes nothing. It is believed, which shows that all others are refused for what they change. */
export const control = withClaims(() => ({}))

/** Tokens that nobody may believe, each of them right but for what its name says. */
export const forgeries = {
  expired: withClaims(({ issuedAtS }) => ({ iat: issuedAtS - 660, exp: issuedAtS - 60 })),
  'not good yet': withClaims(({ issuedAtS }) => ({ nbf: issuedAtS + 300 })),
  'wrong audience': withClaims(() => ({ aud: 'another-api' })),
  'no audience': withClaims(() => ({ aud: undefined })),
  'wrong issuer': withClaims(() => ({ iss: 'https://issuer.example' })),
  'no subject': withClaims(() => ({ sub: undefined })),
  'wrong type': withHeader(
    () => ({ typ: 'JWT' }),
    ({ signRightly }) => signRightly,
  ),
  'claims changed after signing': ({ header, claims, signature }: Forger) =>
    token(header, { ...claims, roles: ['admin'] }, () => signature),
  'alg none': withHeader(
    () => ({ alg: 'none' }),
    () => unsigned,
  ),
  'alg nOnE': withHeader(
    () => ({ alg: 'nOnE' }),
    () => unsigned,
  ),
  'alg none, signed': withHeader(
    () => ({ alg: 'none' }),
    ({ signRightly }) => signRightly,
  ),
  'HS512 with the right key': withHeader(
    () => ({ alg: 'HS512' }),
    ({ rightKey }) => hmac('sha512', rightKey),
  ),
  'RS256 over the right HMAC': withHeader(
    () => ({ alg: 'RS256' }),
    ({ signRightly }) => signRightly,
  ),
  'RS256 with a key that the token brings': withHeader(
    () => ({ alg: 'RS256', jwk: publicJwk }),
    () => signRs256,
  ),
  'HS256 with a public key as the secret': withHeader(
    () => ({ jwk: publicJwk }),
    () => hmac('sha256', publicPem),
  ),
  'kid is a path': withHeader(
    () => ({ kid: '../../../../../../dev/null' }),
    () => hmac('sha256', ''),
  ),
  'kid is SQL': withHeader(() => ({ kid: "x' union select 'guessed' -- " }), guessed),
  'kid is a URL': withHeader(
    ({ keysUrl }) => ({ kid: keysUrl, jku: keysUrl, x5u: keysUrl }),
    guessed,
  ),
  'kid names a key of another use': withHeader(
    ({ otherKey }) => ({ kid: otherKey.kid }),
    ({ otherKey }) => hmac('sha256', otherKey.key),
  ),
  'kid names the right key, another signs': withHeader(
    () => ({}),
    ({ otherKey }) => hmac('sha256', otherKey.key),
  ),
  'kid is __proto__': withHeader(() => ({ kid: '__proto__' }), guessed),
  'no kid': withHeader(
    () => ({ kid: undefined }),
    ({ signRightly }) => signRightly,
  ),
} as const

const Claims = z.looseObject({ iat: z.number() })

/** Reads the server's own token and its keys, as only a test can. */
export function createForger(app: App, keysUrl: string): (accessToken: string) => Forger {
  const { secrets } = app.resources
  const { key: rightKey } = secrets.signingKey('access-token')
  return (accessToken) => {
    const [header = '', claims = '', signature = ''] = accessToken.split('.')
    const known = Claims.parse(decode(claims))
    return {
      header: z.looseObject({}).parse(decode(header)),
      claims: known,
      issuedAtS: known.iat,
      signature,
      signRightly: hmac('sha256', rightKey),
      rightKey,
      otherKey: secrets.signingKey('cursors'),
      keysUrl,
    }
  }
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

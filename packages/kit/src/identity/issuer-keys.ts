import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import type { Resources } from '../resources.ts'
import { fetchJson } from './fetch-json.ts'
import { parseIssuerUrl } from './issuer-url.ts'

/** Keys older than this are asked for again: one may have been withdrawn. */
export const KEYS_FRESH_MS = 10 * 60_000

/** How long keys are believed while their issuer is away. */
export const KEYS_BELIEVED_MS = 60 * 60_000

/** From one request for keys to the next, whatever tokens come. */
export const KEYS_COOL_DOWN_MS = 30_000

/** The same while there is no key to go on with, and callers are sent away. */
export const NO_KEYS_COOL_DOWN_MS = 1_000

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string() })
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

export interface KeySource {
  readonly issuer: string
  /** Default: the one that the issuer's discovery document names. */
  readonly jwksUrl: string | undefined
}

interface Keys {
  readonly find: JWTVerifyGetKey
  readonly fetchedAtMs: number
}

/**
 * The public keys of an issuer, looked up by the `kid` of a token; nothing else in a token has a
 * say in where keys come from. They are fetched when the first token needs them, again every ten
 * minutes, and for a `kid` that is not among them, at most every thirty seconds. While the issuer is
 * away those that are there are believed for an hour. The lookup throws `UNAVAILABLE` when the
 * issuer is away and nobody can tell, and `JWKSNoMatchingKey` when there is no such key.
 */
export function createIssuerKeys(
  source: KeySource,
  { clock, log }: Pick<Resources, 'clock' | 'log'>,
): JWTVerifyGetKey {
  let keys: Keys | undefined
  let attempt: { readonly atMs: number; readonly error?: unknown } | undefined
  let flight: Promise<void> | undefined
  const nowMs = () => clock.now().getTime()
  const ageMs = () => (keys ? nowMs() - keys.fetchedAtMs : Infinity)

  async function refetch(): Promise<void> {
    const atMs = nowMs()
    try {
      keys = { find: await fetchKeys(source), fetchedAtMs: atMs }
      attempt = { atMs }
    } catch (error) {
      attempt = { atMs, error }
      log.warn({ err: error, issuer: source.issuer }, 'the keys of an issuer cannot be had')
    }
  }

  /** Waits for newer keys, unless that was tried a moment ago. */
  async function renew(): Promise<void> {
    const coolDownMs = ageMs() > KEYS_BELIEVED_MS ? NO_KEYS_COOL_DOWN_MS : KEYS_COOL_DOWN_MS
    if (!flight && attempt && nowMs() - attempt.atMs < coolDownMs) return
    flight ??= refetch().finally(() => {
      flight = undefined
    })
    await flight
  }

  function unavailable(): Failure {
    const details = { retryAfterMs: NO_KEYS_COOL_DOWN_MS, cause: attempt?.error }
    return new Failure(commonErrors.UNAVAILABLE, details)
  }

  return async (header, token) => {
    if (ageMs() > KEYS_FRESH_MS) await renew()
    if (!keys || ageMs() > KEYS_BELIEVED_MS) throw unavailable()
    try {
      return await keys.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    }
    await renew()
    try {
      return await keys.find(header, token)
    } catch (error) {
      // It may be a new key, which an issuer that is away cannot show.
      if (attempt?.error !== undefined) throw unavailable()
      throw error
    }
  }
}

async function fetchKeys({ issuer, jwksUrl }: KeySource): Promise<JWTVerifyGetKey> {
  return createLocalJWKSet(KeySet.parse(await fetchJson(jwksUrl ?? (await discover(issuer)))))
}

/** Where an issuer says that its keys are (OpenID Connect Discovery 1.0, 4). */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = Discovery.parse(await fetchJson(url))
  if (document.issuer !== issuer) throw new Error(`${url} speaks for ${document.issuer}.`)
  return parseIssuerUrl(document.jwks_uri, 'jwks_uri').href
}

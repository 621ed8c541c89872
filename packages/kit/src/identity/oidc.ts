import { decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'

import { createTokenCache, type TokenCache } from '../platform/token-cache.ts'
import type { Identity, Principal, Resources } from '../resources.ts'
import { checkCaller, usualClaims, type ClaimedCaller } from './claims.ts'
import { createIssuerKeys, KEYS_FRESH_MS } from './issuer-keys.ts'
import { parseIssuerUrl } from './issuer-url.ts'

export interface OidcOptions {
  /** Exactly as the issuer writes itself in `iss`. */
  readonly issuer: string
  /** What the issuer calls this backend; a token for anybody else is nobody's. */
  readonly audience: string
  /** Signatures that are believed, asymmetric ones only. Default: `ES256`, `RS256`, `PS256`, `EdDSA`. */
  readonly algorithms?: readonly string[]
  /** Where the public keys are. Default: the place that the issuer's discovery document names. */
  readonly jwksUrl?: string
  /**
   * Reads a caller from the claims of a token that is verified. Default: `sub`, `scope` and `roles`.
   * When it throws, or returns anything else than a caller, the token is nobody's.
   */
  readonly claims?: (payload: JWTPayload) => ClaimedCaller
}

const DEFAULT_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']
const ASYMMETRIC = /^(?:(?:ES|RS|PS)(?:256|384|512)|EdDSA|Ed25519)$/

/** Clocks of the issuer and of this server may differ by this, in seconds. */
const CLOCK_TOLERANCE_S = 30

/** Access tokens by the standard (RFC 9068), and those of issuers older than it. */
const TOKEN_TYPE = /^(?:application\/)?(?:at\+)?jwt$/i

const JWT = /^Bearer ([\w-]{1,4096}\.[\w-]{1,8192}\.[\w-]{1,4096})$/

interface VerifiedCaller {
  readonly principal: Principal
  readonly expiresAtMs: number
}

/** What the identity of one server remembers. */
interface Memory {
  readonly keys: JWTVerifyGetKey
  readonly tokens: TokenCache<VerifiedCaller>
}

/**
 * Identity by the access tokens of an OpenID Connect issuer, as `Authorization: Bearer`, verified
 * with the issuer's public keys. The principal names the issuer, so its users never meet those of
 * this backend. A token that was verified is believed for ten minutes at most, and then again if
 * its key still stands. A call fails with `UNAVAILABLE` while nobody can tell whether its token is
 * right. Throws for an algorithm with a shared secret or none, and for keys over plain HTTP.
 */
export function oidcIdentity(options: OidcOptions): Identity {
  checkOptions(options)
  // By server: one app may run several times in a process, each with its own clock.
  const memories = new WeakMap<Resources['metrics'], Memory>()

  return async ({ headers }, resources) => {
    const token = JWT.exec(headers.authorization ?? '')?.[1]
    if (token === undefined || !isMeant(token, options.issuer)) return null
    let memory = memories.get(resources.metrics)
    if (!memory) {
      memory = createMemory(options, resources)
      memories.set(resources.metrics, memory)
    }
    const cached = memory.tokens.get(token, resources.clock.now())
    if (cached) return cached.principal
    const verified = await verify(token, { options, resources, keys: memory.keys })
    if (verified) memory.tokens.set(token, verified)
    return verified?.principal ?? null
  }
}

function checkOptions({ issuer, audience, algorithms = [], jwksUrl }: OidcOptions): void {
  parseIssuerUrl(issuer, 'issuer')
  if (jwksUrl !== undefined) parseIssuerUrl(jwksUrl, 'jwksUrl')
  if (audience === '') throw new Error('audience is empty: tokens for anybody would be believed.')
  for (const algorithm of algorithms) {
    if (!ASYMMETRIC.test(algorithm)) {
      throw new Error(`${algorithm} is no signature that only the issuer can make.`)
    }
  }
}

function createMemory({ issuer, jwksUrl }: OidcOptions, resources: Resources): Memory {
  const tokens = createTokenCache<VerifiedCaller>()
  resources.metrics.gauge('oidc_token_cache_entries', () => tokens.size)
  return { tokens, keys: createIssuerKeys({ issuer, jwksUrl }, resources) }
}

/** Whether a token claims to be of this issuer: others are not worth a request for keys. */
function isMeant(token: string, issuer: string): boolean {
  try {
    return decodeJwt(token).iss === issuer
  } catch {
    return false
  }
}

interface Verifying {
  readonly options: OidcOptions
  readonly resources: Resources
  readonly keys: JWTVerifyGetKey
}

async function verify(token: string, { options, resources, keys }: Verifying) {
  const now = resources.clock.now()
  const { issuer, audience, algorithms = DEFAULT_ALGORITHMS } = options
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      algorithms: [...algorithms],
      issuer,
      audience,
      requiredClaims: ['sub', 'iat', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: now,
    })
    const { typ = 'JWT' } = protectedHeader
    if (!TOKEN_TYPE.test(typ) || !isIssued(payload, now)) return null
    const principal = toPrincipal(payload, options, resources)
    if (!principal) return null
    const endsAtMs = (payload.exp ?? 0) * 1_000
    const expiresAtMs = Math.min(endsAtMs, now.getTime() + KEYS_FRESH_MS)
    return { principal: { ...principal, expiresAt: new Date(endsAtMs) }, expiresAtMs }
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

function isIssued({ iat = Infinity }: JWTPayload, now: Date): boolean {
  return iat <= now.getTime() / 1_000 + CLOCK_TOLERANCE_S
}

function toPrincipal(
  payload: JWTPayload,
  { claims = usualClaims, issuer }: OidcOptions,
  { log }: Resources,
): Principal | null {
  try {
    const caller = checkCaller(claims(payload))
    if (!caller) {
      log.warn({ issuer }, 'the claims of a token make no caller')
      return null
    }
    const { userId, tenantId, roles, scopes } = caller
    const tokenId = typeof payload.jti === 'string' ? { tokenId: payload.jti } : {}
    return {
      userId,
      roles,
      scopes,
      issuer,
      ...(tenantId !== undefined && { tenantId }),
      ...tokenId,
    }
  } catch (error) {
    log.warn({ err: error, issuer }, 'the claims of a token cannot be read')
    return null
  }
}

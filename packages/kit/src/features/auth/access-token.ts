import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import type { Principal, Resources } from '../../resources.ts'

/** How long a token is good for, in milliseconds. */
export const ACCESS_TOKEN_TTL_MS = 10 * 60_000

const PURPOSE = 'access-token'
const ISSUER = 'tautline'
const AUDIENCE = 'tautline-rpc'
const TYPE = 'at+jwt'

/** Clocks of two servers may differ by this, in seconds. */
const CLOCK_TOLERANCE_S = 5

const Claims = z.object({
  sub: z.string(),
  jti: z.string(),
  exp: z.number(),
  sid: z.uuid().optional(),
  roles: z.array(z.string()).default([]),
  scopes: z.array(z.string()).default([]),
})

type Signer = Pick<Resources, 'secrets' | 'clock'>

export interface AccessToken {
  readonly accessToken: string
  readonly expiresAt: Date
}

/** A signed token that says who its bearer is: JWT, HS256, key derived for this use only. */
export async function issueAccessToken(
  { secrets, clock }: Signer,
  principal: Pick<Principal, 'userId' | 'sessionId' | 'roles' | 'scopes'>,
): Promise<AccessToken> {
  const now = clock.now()
  const expiresAt = new Date(now.getTime() + ACCESS_TOKEN_TTL_MS)
  const { kid, key } = secrets.signingKey(PURPOSE)
  const { userId, sessionId: sid, roles, scopes } = principal
  const accessToken = await new SignJWT({ roles, scopes, ...(sid !== undefined && { sid }) })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE, kid })
    .setSubject(userId)
    .setJti(crypto.randomUUID())
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(key)
  return { accessToken, expiresAt }
}

/** What a token that we have signed says. */
export interface VerifiedToken {
  readonly principal: Principal
  readonly expiresAtMs: number
}

/**
 * Reads a token of ours, signed with the current secret or the previous one. A token that is none
 * of them, or has expired, is `null`.
 */
export async function verifyAccessToken(
  { secrets, clock }: Signer,
  token: string,
): Promise<VerifiedToken | null> {
  try {
    const { kid } = decodeProtectedHeader(token)
    const key = kid === undefined ? undefined : secrets.verifyingKey(PURPOSE, kid)
    if (key === undefined) return null
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'jti', 'iat', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: clock.now(),
    })
    const { sub, jti, exp, sid, roles, scopes } = Claims.parse(payload)
    const session = sid === undefined ? {} : { sessionId: sid }
    const principal = { userId: sub, tokenId: jti, roles, scopes, ...session }
    return { principal, expiresAtMs: exp * 1_000 }
  } catch (error) {
    // `decodeProtectedHeader` says TypeError of what is no token at all.
    const forged = error instanceof errors.JOSEError || error instanceof TypeError
    if (forged || error instanceof z.ZodError) return null
    throw error
  }
}

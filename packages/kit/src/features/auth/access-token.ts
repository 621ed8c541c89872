import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import type { Identity, Principal, Resources } from '../../resources.ts'

/** How long a token is good for, in milliseconds. */
export const ACCESS_TOKEN_TTL_MS = 10 * 60_000

const ISSUER = 'tautline'
const AUDIENCE = 'tautline-rpc'
const TYPE = 'at+jwt'

/** Clocks of two servers may differ by this, in seconds. */
const CLOCK_TOLERANCE_S = 5

const Claims = z.object({
  sub: z.string(),
  jti: z.string(),
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
  principal: Pick<Principal, 'userId' | 'roles' | 'scopes'>,
): Promise<AccessToken> {
  const now = clock.now()
  const expiresAt = new Date(now.getTime() + ACCESS_TOKEN_TTL_MS)
  const accessToken = await new SignJWT({ roles: principal.roles, scopes: principal.scopes })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE })
    .setSubject(principal.userId)
    .setJti(crypto.randomUUID())
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(secrets.key('access-token'))
  return { accessToken, expiresAt }
}

/** Identity by the access tokens that `auth` issues. A token that is not one of them is nobody's. */
export function bearerIdentity(): Identity {
  return async ({ headers }, { secrets, clock }) => {
    const token = /^Bearer ([\w.-]{1,4096})$/.exec(headers.authorization ?? '')?.[1]
    if (token === undefined) return null
    try {
      const { payload } = await jwtVerify(token, secrets.key('access-token'), {
        algorithms: ['HS256'],
        typ: TYPE,
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ['sub', 'jti', 'iat', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: clock.now(),
      })
      const { sub, jti, roles, scopes } = Claims.parse(payload)
      return { userId: sub, tokenId: jti, roles, scopes }
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof z.ZodError) return null
      throw error
    }
  }
}

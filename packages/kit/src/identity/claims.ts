import type { JWTPayload } from 'jose'
import { z } from 'zod'

/** What the claims of a token say about its bearer. */
export interface ClaimedCaller {
  readonly userId: string
  readonly tenantId?: string | undefined
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}

/** Text that Postgres can keep and a log line can show. */
const Id = z
  .string()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u)
const Names = z.array(z.string().min(1).max(200)).max(200)

const Caller = z.object({
  userId: Id,
  tenantId: Id.optional(),
  roles: Names,
  scopes: Names,
})

/**
 * The usual claims: `sub` is the user, `scope` (RFC 9068: words in one text; some issuers give a
 * list) the scopes, `roles` the roles. No tenant, since no claim is usual for it.
 */
export function usualClaims({ sub = '', scope, roles }: JWTPayload): ClaimedCaller {
  return { userId: sub, roles: listOf(roles), scopes: listOf(scope) }
}

function listOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((word) => word !== '')
  return Names.safeParse(claim).data ?? []
}

/** The caller whom a mapping returned; undefined where it has the wrong form. */
export function checkCaller(mapped: unknown) {
  return Caller.safeParse(mapped).data
}

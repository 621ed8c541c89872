import type { Principal } from '@tautline/kit'

/** Whose a row is, as its columns say it. */
export interface Owner {
  readonly ownerId: string
  /** Empty for a user without a tenant. */
  readonly tenantId: string
}

/**
 * The owner that a caller is. One id in two tenants is two owners, and so is one that another
 * issuer uses too: its users are kept under its name, apart from our own.
 */
export function ownerOf({
  userId,
  tenantId = '',
  issuer,
}: Pick<Principal, 'userId' | 'tenantId' | 'issuer'>): Owner {
  return { ownerId: issuer === undefined ? userId : `${issuer} ${userId}`, tenantId }
}

/**
 * All that is an owner's, in every tenant: `users.delete` takes it along. Each feature with rows of
 * users has it on what it keeps.
 */
export const ownerTag = (ownerId: string) => `owner:${ownerId}`

import type { RawBuilder } from 'kysely'

import { isOneOf, type Owners } from '../db/owners.ts'
import type { Principal } from '../resources.ts'
import { identityOf } from './handler-context.ts'

/**
 * A user who is deleted: of one tenant, or with `tenants: 'every'` of every one, where ids of users are
 * this backend's own and the same in all of them.
 */
export type DeletedUser =
  | Pick<Principal, 'userId' | 'tenantId' | 'issuer'>
  | { readonly userId: string; readonly tenants: 'every' }

/**
 * Whether the column `owner`, as `identityOf` writes it, names that user. With `tenants: 'every'` an
 * index on `reverse(owner) text_pattern_ops` answers it.
 */
export function isOwnedBy(user: DeletedUser): RawBuilder<boolean> {
  return isOneOf(ownersOf(user))
}

export function ownersOf(user: DeletedUser): Owners {
  return 'tenants' in user ? { userId: user.userId } : identityOf(user)
}

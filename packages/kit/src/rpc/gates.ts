import { commonErrors, Failure } from '@tautline/shared'

import { offBudget } from '../platform/call-scope.ts'
import type { Principal } from '../resources.ts'
import type { Allow } from './policy.ts'

/** Lets the caller through, or throws `UNAUTHENTICATED` or `FORBIDDEN`. */
export function authorise(allow: Allow, principal: Principal | null): void {
  if (allow === 'public') return
  if (!principal) throw new Failure(commonErrors.UNAUTHENTICATED)
  if (allow === 'user') return
  const permitted =
    'role' in allow ? principal.roles.includes(allow.role) : principal.scopes.includes(allow.scope)
  if (!permitted) throw new Failure(commonErrors.FORBIDDEN)
}

/** Lets a caller through whose session or key holds this moment, or throws `UNAUTHENTICATED`. */
export async function requireCurrent(principal: Principal | null): Promise<void> {
  // Freshness that nobody can vouch for is none.
  const isCurrent = await offBudget(async () => principal?.isCurrent?.())
  if (!isCurrent) throw new Failure(commonErrors.UNAUTHENTICATED)
}

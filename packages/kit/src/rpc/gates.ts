import { commonErrors, Failure } from '@tautline/shared'

import type { Principal } from '../resources.ts'
import type { Allow } from './definition.ts'

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
  if (!(await principal?.isCurrent?.())) throw new Failure(commonErrors.UNAUTHENTICATED)
}

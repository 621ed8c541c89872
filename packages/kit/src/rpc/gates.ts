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

import type { PasswordHasher } from './password-hasher.ts'
import { apiKeyProcedures } from './router-api-keys.ts'
import { passwordProcedures } from './router-password.ts'
import { sessionProcedures } from './router-session.ts'
import { signInProcedures } from './router-sign-in.ts'
import type { AuthParts } from './signed-in.ts'

/** What every backend with accounts has. */
export function createAuthRouter(hasher: PasswordHasher, parts: AuthParts) {
  return {
    ...signInProcedures(hasher, parts),
    ...sessionProcedures(parts),
    ...passwordProcedures(hasher),
    ...apiKeyProcedures(),
  }
}

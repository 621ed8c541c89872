import { apiKeyProcedures } from './router-api-keys.ts'
import { passwordProcedures } from './router-password.ts'
import { sessionProcedures } from './router-session.ts'
import { signInProcedures } from './router-sign-in.ts'
import type { SignInParts } from './sign-in.ts'

/** What every backend with accounts has. */
export function createAuthRouter(parts: SignInParts) {
  return {
    ...signInProcedures(parts),
    ...sessionProcedures(parts),
    ...passwordProcedures(parts.passwords),
    ...apiKeyProcedures(),
  }
}

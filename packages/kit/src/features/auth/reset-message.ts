import type { Resources } from '../../resources.ts'

/** What somebody who has forgotten their password is sent. */
export interface PasswordReset {
  readonly email: string
  /** Good for one `auth.resetPassword`. Whoever has it has the account: never log it. */
  readonly token: string
  readonly expiresAt: Date
}

/**
 * Sends a reset to its address. It runs after the answer, so that its time does not tell who has an
 * account; what it throws is logged, and the user asks again.
 */
export type SendPasswordReset = (message: PasswordReset, resources: Resources) => Promise<void>

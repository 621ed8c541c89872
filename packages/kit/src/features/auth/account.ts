import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import type { CallContext, Principal } from '../../resources.ts'
import { countFailure, refuseBlocked, subjectOf } from './lockout.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { findCredentials } from './queries.ts'
import { WRONG_CREDENTIALS } from './schema.ts'

const UserId = z.uuid()

/**
 * Id of the caller's account with us. Throws `UNAUTHENTICATED` for a caller whom another issuer
 * knows, and who has none.
 */
export function accountOf({ userId }: Principal): string {
  if (!UserId.safeParse(userId).success) throw new Failure(commonErrors.UNAUTHENTICATED)
  return userId
}

/** The same for what only somebody who signed in may do. Throws `FORBIDDEN` for a key. */
export function ownAccountOf(principal: Principal): string {
  if (principal.apiKeyId !== undefined) throw new Failure(commonErrors.FORBIDDEN)
  return accountOf(principal)
}

type Checker = Pick<CallContext, 'db' | 'clock' | 'signal'>

/**
 * The user of an address, if the password is theirs. Throws `WRONG_CREDENTIALS`, counted and after
 * the same work for an address that nobody has, and `TOO_MANY_ATTEMPTS` before any work.
 */
export async function checkPassword(
  { db, clock, signal }: Checker,
  hasher: PasswordHasher,
  { email, password }: { readonly email: string; readonly password: string },
) {
  const subject = subjectOf('sign-in', email)
  await refuseBlocked(db, subject, clock.now())
  const found = await findCredentials(db, { email })
  const matches = await hasher.verify(password, found?.passwordHash, signal)
  if (found && matches) return found
  // Committed by itself, so that the refusal does not undo it.
  await countFailure(db, subject, clock.now())
  throw new Failure(WRONG_CREDENTIALS)
}

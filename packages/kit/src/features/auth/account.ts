import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { withDeadline } from '../../platform/call-scope.ts'
import type { CallContext, Principal } from '../../resources.ts'
import { accountSubject, addressSubject } from './lockout-subject.ts'
import type { Lockout } from './lockout.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { findCredentials } from './queries.ts'
import { WRONG_CREDENTIALS } from './schema.ts'

const UserId = z.uuid()

/**
 * Id of the caller's account with us. Throws `UNAUTHENTICATED` for a caller whom another issuer
 * knows, and who has none.
 */
export function accountOf({ userId, issuer }: Principal): string {
  // Another issuer may have given one of our ids to somebody else.
  const ours = issuer === undefined && UserId.safeParse(userId).success
  if (!ours) throw new Failure(commonErrors.UNAUTHENTICATED)
  return userId
}

/** The same for what only somebody who signed in may do. Throws `FORBIDDEN` for a key. */
export function ownAccountOf(principal: Principal): string {
  if (principal.apiKeyId !== undefined) throw new Failure(commonErrors.FORBIDDEN)
  return accountOf(principal)
}

/** What checks passwords, and what keeps others from guessing them. */
export interface PasswordParts {
  readonly hasher: PasswordHasher
  readonly lockout: Lockout
}

/** Longest that counting may take for a caller who has left, in milliseconds. */
const COUNT_TIMEOUT_MS = 5_000

type Checker = Pick<CallContext, 'db' | 'clock' | 'signal' | 'address'>

/**
 * The user of an address, with the hash that the password fits, if it is theirs. Throws `WRONG_CREDENTIALS`, counted and after
 * the same work for an address that nobody has, and `TOO_MANY_ATTEMPTS` before any work.
 */
export async function checkPassword(
  ctx: Checker,
  { hasher, lockout }: PasswordParts,
  { email, password }: { readonly email: string; readonly password: string },
) {
  const { db, clock, signal } = ctx
  const from = addressSubject('sign-in', ctx.address)
  const subjects = [from, accountSubject('sign-in', email)]
  await lockout.refuseBlocked(db, subjects, clock.now())
  const found = await findCredentials(db, { email })
  const matches = await hasher
    .verify(password, found?.passwordHash, ctx)
    .catch(async (error: unknown) => {
      // Who leaves has cost as much, and by then the call's own queries are refused.
      if (signal.aborted) {
        await withDeadline('auth.login', COUNT_TIMEOUT_MS, () =>
          lockout.countFailure(db, [from], clock.now()),
        )
      }
      throw error
    })
  if (found && matches) return found
  // Committed by itself, so that the refusal does not undo it.
  await lockout.countFailure(db, subjects, clock.now())
  throw new Failure(WRONG_CREDENTIALS)
}

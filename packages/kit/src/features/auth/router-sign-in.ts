import { commonErrors, Failure } from '@tautline/shared'

import { mutation, query } from '../../rpc/define.ts'
import { accountOf, checkPassword } from './account.ts'
import { forgetFailures, subjectOf } from './lockout.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { findUser, insertUser } from './queries.ts'
import {
  EMAIL_TAKEN,
  LoginInput,
  RegisterInput,
  Session,
  TOO_MANY_ATTEMPTS,
  User,
  WRONG_CREDENTIALS,
} from './schema.ts'
import { openSession } from './session.ts'
import { signedIn, type AuthParts } from './signed-in.ts'

/** Who somebody is. No transaction is open while a password is hashed. */
export function signInProcedures(hasher: PasswordHasher, parts: AuthParts) {
  return {
    register: mutation({
      summary: 'Creates an account and signs in.',
      input: RegisterInput,
      output: Session,
      errors: [EMAIL_TAKEN],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input: { email, name, password } }) {
        const password_hash = await hasher.hash(password, ctx.signal)
        const who = await ctx.transaction(async (db) => {
          const user = await insertUser(db, { email, name, password_hash })
          return { user, session: await openSession(db, user.id, ctx.clock.now()) }
        })
        return signedIn(ctx, parts, who)
      },
    }),

    login: mutation({
      summary: 'Signs in with email address and password.',
      input: LoginInput,
      output: Session,
      errors: [WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const user = await checkPassword(ctx, hasher, input)
        const now = ctx.clock.now()
        const session = await ctx.transaction(async (db) => {
          await forgetFailures(db, subjectOf('sign-in', input.email), now)
          return openSession(db, user.id, now)
        })
        return signedIn(ctx, parts, { user, session })
      },
    }),

    me: query({
      summary: 'The signed-in user.',
      output: User,
      policy: { allow: 'user' },
      async run({ ctx }) {
        const user = await findUser(ctx.db, accountOf(ctx.principal))
        // The account is gone, so the token is nobody's any more.
        if (!user) throw new Failure(commonErrors.UNAUTHENTICATED)
        return user
      },
    }),
  }
}

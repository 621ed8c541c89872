import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { mutation } from '../../rpc/define.ts'
import { checkPassword, ownAccountOf, type PasswordParts } from './account.ts'
import { accountSubject } from './lockout-subject.ts'
import { closeResetsOf } from './password-reset.ts'
import { findUser, updatePassword } from './queries.ts'
import { ChangePasswordInput, TOO_MANY_ATTEMPTS, WRONG_CREDENTIALS } from './schema.ts'
import { closeSessionsOf } from './session.ts'

export function passwordProcedures(passwords: PasswordParts) {
  const { hasher, lockout } = passwords
  return {
    changePassword: mutation({
      summary: 'Sets another password and ends all other sessions; API keys stay.',
      input: ChangePasswordInput,
      output: z.void(),
      errors: [WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS],
      policy: { allow: 'user', fresh: true, transaction: 'none' },
      async run({ ctx, input }) {
        const { principal, clock } = ctx
        const userId = ownAccountOf(principal)
        const user = await findUser(ctx.db, userId)
        if (!user) throw new Failure(commonErrors.UNAUTHENTICATED)
        const { email } = user
        const credentials = { email, password: input.currentPassword }
        const { passwordHash: known } = await checkPassword(ctx, passwords, credentials)
        const next = await hasher.hash(input.newPassword, ctx)
        await ctx.transaction(async (db) => {
          // Somebody else has changed it meanwhile: then what was checked is no longer true.
          const changed = await updatePassword(db, userId, { next, known })
          if (!changed) throw new Failure(WRONG_CREDENTIALS)
          // After the user, as everywhere: who locks the two the other way round is in a deadlock.
          await lockout.forgetFailures(db, accountSubject('sign-in', email), clock.now())
          await closeResetsOf(db, userId)
          await closeSessionsOf(db, { userId, except: principal.sessionId }, clock.now())
        })
      },
    }),
  }
}

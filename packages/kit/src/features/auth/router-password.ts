import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { mutation } from '../../rpc/define.ts'
import { checkPassword, ownAccountOf } from './account.ts'
import { forgetFailures, subjectOf } from './lockout.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { closeResetsOf } from './password-reset.ts'
import { findUser, updatePassword } from './queries.ts'
import { ChangePasswordInput, TOO_MANY_ATTEMPTS, WRONG_CREDENTIALS } from './schema.ts'
import { closeSessionsOf } from './session.ts'

export function passwordProcedures(hasher: PasswordHasher) {
  return {
    changePassword: mutation({
      summary: 'Sets another password and ends all other sessions; API keys stay.',
      input: ChangePasswordInput,
      output: z.void(),
      errors: [WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS],
      policy: { allow: 'user', fresh: true, transaction: 'none' },
      async run({ ctx, input }) {
        const { principal, clock, signal } = ctx
        const userId = ownAccountOf(principal)
        const user = await findUser(ctx.db, userId)
        if (!user) throw new Failure(commonErrors.UNAUTHENTICATED)
        const { email } = user
        const credentials = { email, password: input.currentPassword }
        const { passwordHash: known } = await checkPassword(ctx, hasher, credentials)
        const next = await hasher.hash(input.newPassword, signal)
        await ctx.transaction(async (db) => {
          await forgetFailures(db, subjectOf('sign-in', email), clock.now())
          // Somebody else has changed it meanwhile: then what was checked is no longer true.
          const changed = await updatePassword(db, userId, { next, known })
          if (!changed) throw new Failure(WRONG_CREDENTIALS)
          await closeResetsOf(db, userId)
          await closeSessionsOf(db, { userId, except: principal.sessionId }, clock.now())
        })
      },
    }),
  }
}

import { z } from 'zod'

import { Failure } from '@tautline/shared'

import { within } from '../../platform/call-scope.ts'
import type { Resources } from '../../resources.ts'
import { mutation } from '../../rpc/define.ts'
import type { PasswordParts } from './account.ts'
import { accountSubject, addressSubject } from './lockout-subject.ts'
import { findReset, openReset, takeReset } from './password-reset.ts'
import { updatePassword } from './queries.ts'
import type { SendPasswordReset } from './reset-message.ts'
import { RequestResetInput, RESET_REFUSED, ResetInput, TOO_MANY_ATTEMPTS } from './schema.ts'
import { closeSessionsOf } from './session.ts'

/** A new password for who has forgotten theirs. Only where there is somebody to send the token. */
export function resetProcedures({ hasher, lockout }: PasswordParts, send: SendPasswordReset) {
  return {
    requestPasswordReset: mutation({
      summary: 'Sends a reset token to an address, if it has an account. Does not tell if it has.',
      input: RequestResetInput,
      output: z.void(),
      errors: [TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input: { email } }) {
        const { db, log, metrics, clock, secrets, settings, outgoing, files, tasks } = ctx
        const now = clock.now()
        const subjects = [addressSubject('reset', ctx.address), accountSubject('reset', email)]
        // Each request counts, so that nobody's mailbox is flooded; the same for every address.
        await lockout.refuseBlocked(db, subjects, now)
        await lockout.countFailure(db, subjects, now)
        const message = await ctx.transaction((on) => openReset(on, email, now))
        const resources = { db, log, metrics, clock, secrets, settings, outgoing, files, tasks }
        if (message) sendLater(() => send(message, resources), resources, ctx.requestId)
      },
    }),

    resetPassword: mutation({
      summary: 'Sets the password by a reset token, and ends all sessions; API keys stay.',
      input: ResetInput,
      output: z.void(),
      errors: [RESET_REFUSED],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const now = ctx.clock.now()
        // Looked at before the work of hashing, taken after it.
        const reset = await findReset(ctx.db, input.token, now)
        if (!reset) throw new Failure(RESET_REFUSED)
        const { userId, email } = reset
        const next = await hasher.hash(input.newPassword, ctx)
        await ctx.transaction(async (db) => {
          const taken = await takeReset(db, input.token)
          if (!taken || !(await updatePassword(db, userId, { next }))) {
            throw new Failure(RESET_REFUSED)
          }
          await closeSessionsOf(db, { userId }, now)
          await lockout.unblock(db, accountSubject('sign-in', email))
        })
      },
    }),
  }
}

/** After the answer and outside the call, so that the time of sending tells nothing. */
function sendLater(
  send: () => Promise<void>,
  { log }: Pick<Resources, 'log'>,
  requestId: string,
): void {
  const attempt = async () => send()
  setImmediate(() =>
    within({ requestId }, () => {
      attempt().catch((error: unknown) =>
        log.error({ err: error }, 'a password reset was not sent'),
      )
    }),
  )
}

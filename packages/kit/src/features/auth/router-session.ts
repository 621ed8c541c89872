import { z } from 'zod'

import { mutation } from '../../rpc/define.ts'
import { ownAccountOf } from './account.ts'
import { REFRESH_REFUSED, RefreshInput, Session } from './schema.ts'
import { closeSession, closeSessionsOf } from './session.ts'
import { refresh } from './sign-in.ts'
import type { AuthParts } from './signed-in.ts'

/** How a session goes on, and how it ends. */
export function sessionProcedures(parts: AuthParts) {
  return {
    refresh: mutation({
      summary: 'Exchanges a refresh token for new tokens; it is good for one exchange.',
      input: RefreshInput,
      output: Session,
      errors: [REFRESH_REFUSED],
      // A revoked session is committed before the refusal is thrown.
      policy: { allow: 'public', priority: 'critical', transaction: 'none' },
      run: ({ ctx, input }) => refresh(ctx, parts, input.refreshToken),
    }),

    logout: mutation({
      summary:
        'Ends the session of a refresh token. The same again, or for any other, is no error.',
      input: RefreshInput,
      output: z.void(),
      policy: { allow: 'public' },
      run: ({ ctx, input }) => closeSession(ctx.db, input.refreshToken, ctx.clock.now()),
    }),

    logoutEverywhere: mutation({
      summary: 'Ends all sessions of the caller; API keys stay.',
      output: z.void(),
      policy: { allow: 'user' },
      run({ ctx }) {
        const userId = ownAccountOf(ctx.principal)
        return closeSessionsOf(ctx.db, { userId }, ctx.clock.now())
      },
    }),
  }
}

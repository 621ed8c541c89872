import { z } from 'zod'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { mutation } from '../../rpc/define.ts'
import { ownAccountOf } from './account.ts'
import { findUser } from './queries.ts'
import { REFRESH_REFUSED, RefreshInput, Session } from './schema.ts'
import { closeSession, closeSessionsOf, exchangeToken } from './session.ts'
import { signedIn, type AuthParts } from './signed-in.ts'

/** How a session goes on, and how it ends. */
export function sessionProcedures(parts: AuthParts) {
  return {
    refresh: mutation({
      summary: 'Exchanges a refresh token for new tokens; it is good for one exchange.',
      input: RefreshInput,
      output: Session,
      errors: [REFRESH_REFUSED],
      // A revoked session is committed before the refusal is thrown.
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const now = ctx.clock.now()
        const { session, user } = await ctx.transaction((db) =>
          exchangeWithUser(db, input.refreshToken, now),
        )
        if (session.kind === 'reused') {
          ctx.metrics.count('auth_refresh_reused_total')
          ctx.log.warn({ userId: session.userId }, 'a used refresh token ended its session')
        }
        if (session.kind !== 'exchanged' || !user) throw new Failure(REFRESH_REFUSED)
        return signedIn(ctx, parts, { user, session })
      },
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

/** The user as they are now, so that a role comes and goes with the next exchange. */
async function exchangeWithUser(db: Db, refreshToken: string, now: Date) {
  const session = await exchangeToken(db, refreshToken, now)
  const user = session.kind === 'exchanged' ? await findUser(db, session.userId) : undefined
  return { session, user }
}

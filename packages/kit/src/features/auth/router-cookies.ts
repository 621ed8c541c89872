import { z } from 'zod'

import { Failure, isFailure } from '@tautline/shared'

import { mutation } from '../../rpc/define.ts'
import {
  CookieSession,
  EMAIL_TAKEN,
  LoginInput,
  REFRESH_REFUSED,
  RegisterInput,
  TOO_MANY_ATTEMPTS,
  WRONG_CREDENTIALS,
} from './schema.ts'
import { openSessionCookies, REFRESH_COOKIE, type CookieOptions } from './session-cookies.ts'
import { closeSession } from './session.ts'
import { refresh, register, signIn, type SignInParts } from './sign-in.ts'

/** Sessions of browsers: their tokens are in cookies that no script can read, and in no answer. */
export function cookieProcedures(parts: SignInParts, options: CookieOptions) {
  return {
    registerWithCookie: mutation({
      summary: 'Creates an account and signs in, with cookies.',
      input: RegisterInput,
      output: CookieSession,
      errors: [EMAIL_TAKEN, TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const cookies = openSessionCookies(ctx, options)
        return cookies.keep(await register(ctx, parts, input))
      },
    }),

    signInWithCookie: mutation({
      summary: 'Signs in with email address and password, and cookies.',
      input: LoginInput,
      output: CookieSession,
      errors: [WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const cookies = openSessionCookies(ctx, options)
        return cookies.keep(await signIn(ctx, parts, input))
      },
    }),

    refreshCookie: mutation({
      summary: 'Exchanges the cookies for new ones; when it is refused, they are taken away.',
      output: CookieSession,
      errors: [REFRESH_REFUSED],
      policy: { allow: 'public', priority: 'critical', transaction: 'none' },
      async run({ ctx }) {
        const cookies = openSessionCookies(ctx, options)
        const token = ctx.cookies.get(REFRESH_COOKIE)
        try {
          if (token === undefined) throw new Failure(REFRESH_REFUSED)
          return cookies.keep(await refresh(ctx, parts, token))
        } catch (error) {
          if (isFailure(error) && error.reason === REFRESH_REFUSED.reason) cookies.clear()
          throw error
        }
      },
    }),

    signOutCookie: mutation({
      summary: 'Ends the session of the cookies, and takes them away. Without one it is no error.',
      output: z.void(),
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx }) {
        const cookies = openSessionCookies(ctx, options)
        const token = ctx.cookies.get(REFRESH_COOKIE)
        if (token !== undefined) {
          await ctx.transaction((db) => closeSession(db, token, ctx.clock.now()))
        }
        cookies.clear()
      },
    }),
  }
}

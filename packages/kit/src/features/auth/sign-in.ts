import type { z } from 'zod'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import type { CallContext, MutationContext } from '../../resources.ts'
import { checkPassword, type PasswordParts } from './account.ts'
import { accountSubject, addressSubject } from './lockout-subject.ts'
import type { OnRegister } from './on-register.ts'
import { findUser, holdPassword, insertUser } from './queries.ts'
import {
  REFRESH_REFUSED,
  WRONG_CREDENTIALS,
  type LoginInput,
  type RegisterInput,
  type Session,
} from './schema.ts'
import { exchangeToken, openSession } from './session.ts'
import { signedIn, type AuthParts } from './signed-in.ts'
import { usersTag } from './tags.ts'

/** What signing in by a password works with. */
export interface SignInParts extends AuthParts {
  readonly passwords: PasswordParts
  readonly onRegister?: OnRegister | undefined
}

type Answer = Promise<z.input<typeof Session>>

/** Creates an account and signs in. Throws `EMAIL_TAKEN` and `TOO_MANY_ATTEMPTS`. */
export async function register(
  ctx: MutationContext,
  parts: SignInParts,
  { email, name, password }: z.output<typeof RegisterInput>,
): Answer {
  const { hasher, lockout } = parts.passwords
  // Counted before the work, and never forgotten: each one has cost a hash.
  const from = [addressSubject('register', ctx.address)]
  await lockout.refuseBlocked(ctx.db, from, ctx.clock.now())
  await lockout.countFailure(ctx.db, from, ctx.clock.now())
  const password_hash = await hasher.hash(password, ctx)
  const who = await ctx.transaction(async (db) => {
    const user = await insertUser(db, { email, name, password_hash })
    await parts.onRegister?.({ ctx, db, user: { id: user.id, email, name } })
    await ctx.cache.invalidate([usersTag])
    return { user, session: await openSession(db, user.id, ctx.clock.now()) }
  })
  return signedIn(ctx, parts, who)
}

/** Signs in by the password. Throws `WRONG_CREDENTIALS` and `TOO_MANY_ATTEMPTS`. */
export async function signIn(
  ctx: CallContext,
  parts: SignInParts,
  input: z.output<typeof LoginInput>,
): Answer {
  const user = await checkPassword(ctx, parts.passwords, input)
  const now = ctx.clock.now()
  const session = await ctx.transaction(async (db) => {
    // Who has set another password meanwhile has ended the sessions there were, not this one.
    if (!(await holdPassword(db, user))) throw new Failure(WRONG_CREDENTIALS)
    await parts.passwords.lockout.forgetFailures(db, accountSubject('sign-in', input.email), now)
    return openSession(db, user.id, now)
  })
  return signedIn(ctx, parts, { user, session })
}

/**
 * Exchanges a refresh token for new tokens. Throws `REFRESH_REFUSED`; that a session was ended by a
 * token that came back is committed before, so no transaction may be around it.
 */
export async function refresh(ctx: CallContext, parts: AuthParts, refreshToken: string): Answer {
  const now = ctx.clock.now()
  const { session, user } = await ctx.transaction((db) => exchangeWithUser(db, refreshToken, now))
  if (session.kind === 'reused') {
    ctx.metrics.count('auth_refresh_reused_total')
    ctx.log.warn({ userId: session.userId }, 'a used refresh token ended its session')
  }
  if (session.kind !== 'exchanged' || !user) throw new Failure(REFRESH_REFUSED)
  return signedIn(ctx, parts, { user, session })
}

/** The user as they are now, so that a role comes and goes with the next exchange. */
async function exchangeWithUser(db: Db, refreshToken: string, now: Date) {
  const session = await exchangeToken(db, refreshToken, now)
  const user = session.kind === 'exchanged' ? await findUser(db, session.userId) : undefined
  return { session, user }
}

import { isFailure } from '@tautline/shared'

import type { Migrations } from '../../db/migrations.ts'
import type { Resources } from '../../resources.ts'
import { createLockout } from './lockout.ts'
import { authMigrations } from './migrations.ts'
import type { OnRegister } from './on-register.ts'
import { createPasswordHasher } from './password-hasher.ts'
import { findCredentials, insertUser } from './queries.ts'
import type { SendPasswordReset } from './reset-message.ts'
import { cookieProcedures } from './router-cookies.ts'
import { resetProcedures } from './router-reset.ts'
import { createAuthRouter } from './router.ts'
import type { CookieOptions } from './session-cookies.ts'
import './tables.ts'

export interface AuthOptions {
  /**
   * Sends a password reset to its address. Without it there is no `requestPasswordReset` and no
   * `resetPassword` in the router: nobody can ask for what would never come.
   */
  readonly sendPasswordReset?: SendPasswordReset
  /**
   * Takes part in a sign-up: `onRegister: ({ ctx, user }) => ctx.enqueue(welcome, { userId: user.id })`.
   * Users whom `ensureUser` makes did not sign up.
   */
  readonly onRegister?: OnRegister
  /**
   * The scopes of this backend. A signed-in user holds all of them, an API key those that its user
   * gave it. Default: none, so that a key opens what `allow: 'user'` opens and no more.
   */
  readonly scopes?: readonly string[]
  /**
   * Adds sessions for browsers, whose tokens are in cookies: `registerWithCookie`,
   * `signInWithCookie`, `refreshCookie` and `signOutCookie`. They need `cookieIdentity` too.
   */
  readonly cookies?: CookieOptions
}

type CommonRouter = ReturnType<typeof createAuthRouter>
type ResetRouter = ReturnType<typeof resetProcedures>
type CookieRouter = ReturnType<typeof cookieProcedures>

/** Procedures of `auth`, as its options say. */
export type AuthRouter<O extends AuthOptions> = CommonRouter &
  (O extends { readonly sendPasswordReset: SendPasswordReset } ? ResetRouter : unknown) &
  (O extends { readonly cookies: CookieOptions } ? CookieRouter : unknown)

/** A user whom a seed wants to be there. */
interface SeedUser {
  readonly email: string
  readonly name: string
  readonly password: string
}

/** The feature `auth`. */
export interface Auth<O extends AuthOptions = AuthOptions> {
  readonly router: AuthRouter<O>
  readonly migrations: Migrations
  readonly gauges: Readonly<Record<string, () => number>>
  /** Makes sure that an account is there, for seeds. Returns its user's id. */
  ensureUser(resources: Pick<Resources, 'db'>, user: SeedUser): Promise<string>
}

/** Accounts with email address and password, sessions, API keys, and the tokens that go with them. */
export function auth<const O extends AuthOptions = Record<never, never>>(
  options?: O & AuthOptions,
): Auth<O> {
  const hasher = createPasswordHasher()
  const lockout = createLockout()
  const passwords = { hasher, lockout }
  const { sendPasswordReset, onRegister, scopes = [], cookies } = options ?? {}
  const parts = { passwords, scopes, onRegister }
  const router = {
    ...createAuthRouter(parts),
    ...(sendPasswordReset && resetProcedures(passwords, sendPasswordReset)),
    ...(cookies && cookieProcedures(parts, cookies)),
  }
  return {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- the options are read twice, here and in the type
    router: router as AuthRouter<O>,
    migrations: authMigrations,
    gauges: {
      auth_password_jobs_waiting: () => hasher.waiting,
      auth_lockouts_remembered: () => lockout.remembered,
    },
    async ensureUser({ db }, { email, name, password }) {
      const known = await findCredentials(db, { email })
      if (known) return known.id
      const caller = { signal: AbortSignal.timeout(10_000), address: '' }
      const password_hash = await hasher.hash(password, caller)
      try {
        return (await insertUser(db, { email, name, password_hash })).id
      } catch (error) {
        if (!isFailure(error)) throw error
        const rival = await findCredentials(db, { email }) // another process was faster
        if (!rival) throw error
        return rival.id
      }
    },
  }
}

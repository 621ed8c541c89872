import type { Resources } from '../../resources.ts'
import { authMigrations } from './migrations.ts'
import { createPasswordHasher } from './password-hasher.ts'
import { findCredentials } from './queries.ts'
import { register } from './register.ts'
import { createAuthRouter } from './router.ts'
import './tables.ts'

/** Accounts with email address and password, and the tokens that go with them. */
export function auth() {
  const hasher = createPasswordHasher()
  return {
    router: createAuthRouter(hasher),
    migrations: authMigrations,
    gauges: { auth_password_jobs_waiting: () => hasher.waiting },
    /** Makes sure that an account is there, for seeds. Returns its user's id. */
    async ensureUser(
      { db }: Pick<Resources, 'db'>,
      user: { readonly email: string; readonly name: string; readonly password: string },
    ): Promise<string> {
      const known = await findCredentials(db, user.email)
      if (known) return known.id
      const signal = AbortSignal.timeout(10_000)
      const transaction = <T>(run: (on: typeof db) => Promise<T>) => run(db)
      try {
        return (await register({ hasher, transaction, signal }, user)).id
      } catch (error) {
        const rival = await findCredentials(db, user.email) // another process was faster
        if (!rival) throw error
        return rival.id
      }
    },
  }
}

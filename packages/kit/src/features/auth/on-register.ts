import type { Db } from '../../db/database.ts'
import type { MutationContext } from '../../resources.ts'

/** Somebody who has just signed up. */
export interface RegisteredUser {
  readonly id: string
  readonly email: string
  readonly name: string
}

/** A sign-up that is about to be committed. */
export interface Registration {
  /** Nobody calls yet, so what `ctx.enqueue` accepts belongs to the backend itself. */
  readonly ctx: MutationContext
  /** The transaction of the sign-up. */
  readonly db: Db
  readonly user: RegisteredUser
}

/**
 * What else is to happen with a sign-up, in its transaction: it is rolled back with it, and runs again
 * when that is tried again. What it throws refuses the sign-up. Do nothing slow here and nothing outside
 * the database: enqueue a task.
 */
export type OnRegister = (registration: Registration) => Promise<unknown>

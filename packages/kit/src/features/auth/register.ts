import type { z } from 'zod'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { violatedConstraint } from '../../db/errors.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { insertUser } from './queries.ts'
import { EMAIL_TAKEN, type RegisterInput } from './schema.ts'

/** The parts that a registration needs. */
export interface Registrar {
  readonly hasher: PasswordHasher
  /** Where the user is inserted. No transaction is open while the password is hashed. */
  readonly transaction: <T>(run: (db: Db) => Promise<T>) => Promise<T>
  readonly signal: AbortSignal
}

/** Creates a user who can sign in with the password. Throws `EMAIL_TAKEN`. */
export async function register(
  { hasher, transaction, signal }: Registrar,
  { email, name, password }: z.output<typeof RegisterInput>,
) {
  const passwordHash = await hasher.hash(password, signal)
  try {
    return await transaction((db) => insertUser(db, { email, name, password_hash: passwordHash }))
  } catch (error) {
    if (violatedConstraint(error) === 'user_email_key') throw new Failure(EMAIL_TAKEN)
    throw error
  }
}

import { sql, type Insertable } from 'kysely'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { violatedConstraint } from '../../db/errors.ts'
import { EMAIL_TAKEN } from './schema.ts'
import type { UserTable } from './tables.ts'

const userColumns = ['id', 'email', 'name', 'roles', 'created_at as createdAt'] as const

/** Inserts a user. Throws `EMAIL_TAKEN`, which ends the transaction that it is in. */
export async function insertUser(db: Db, user: Insertable<UserTable>) {
  try {
    return await db
      .insertInto('tautline.user')
      .values(user)
      .returning(userColumns)
      .executeTakeFirstOrThrow()
  } catch (error) {
    if (violatedConstraint(error) === 'user_email_key') throw new Failure(EMAIL_TAKEN)
    throw error
  }
}

export function findUser(db: Db, id: string) {
  return db.selectFrom('tautline.user').select(userColumns).where('id', '=', id).executeTakeFirst()
}

/** The user of an address with the hash to check a password against. */
export function findCredentials(db: Db, by: { readonly email: string } | { readonly id: string }) {
  return db
    .selectFrom('tautline.user')
    .select([...userColumns, 'password_hash as passwordHash'])
    .where((where) => where.and(by))
    .executeTakeFirst()
}

/** Whether a user still has the password of this hash. No one sets another before `db` has ended. */
export async function holdPassword(
  db: Db,
  user: { readonly id: string; readonly passwordHash: string },
): Promise<boolean> {
  const held = await db
    .selectFrom('tautline.user')
    .select('id')
    .where('id', '=', user.id)
    .where('password_hash', '=', user.passwordHash)
    .forShare()
    .executeTakeFirst()
  return held !== undefined
}

/** Sets a password, where it is still `known` if that is given. Says whether it did. */
export async function updatePassword(
  db: Db,
  userId: string,
  hashes: { readonly next: string; readonly known?: string },
): Promise<boolean> {
  const { known } = hashes
  const updated = await db
    .updateTable('tautline.user')
    .set({ password_hash: hashes.next })
    .where('id', '=', userId)
    .$if(known !== undefined, (query) => query.where('password_hash', '=', known ?? ''))
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}

/** Gives a user a role, once. Returns the roles they have now; undefined where there is no user. */
export async function addRole(db: Db, email: string, role: string) {
  return updateRoles(
    db,
    email,
    sql<string[]>`array_append(array_remove(roles, ${role}::text), ${role}::text)`,
  )
}

/** Takes a role from a user. Returns the roles they have now; undefined where there is no user. */
export async function removeRole(db: Db, email: string, role: string) {
  return updateRoles(db, email, sql<string[]>`array_remove(roles, ${role}::text)`)
}

async function updateRoles(db: Db, email: string, roles: ReturnType<typeof sql<string[]>>) {
  const updated = await db
    .updateTable('tautline.user')
    .set({ roles })
    .where('email', '=', email.trim().toLowerCase())
    .returning('roles')
    .executeTakeFirst()
  return updated?.roles
}

import type { Insertable } from 'kysely'

import type { Db } from '../../db/database.ts'
import type { UserTable } from './tables.ts'

const publicColumns = ['id', 'email', 'name', 'created_at as createdAt'] as const

/** Inserts a user. Violates `user_email_key` when the address is taken. */
export function insertUser(db: Db, user: Insertable<UserTable>) {
  return db
    .insertInto('tautline.user')
    .values(user)
    .returning(publicColumns)
    .executeTakeFirstOrThrow()
}

export function findUser(db: Db, id: string) {
  return db
    .selectFrom('tautline.user')
    .select(publicColumns)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** The user of an address with the hash to check a password against. */
export function findCredentials(db: Db, email: string) {
  return db
    .selectFrom('tautline.user')
    .select([...publicColumns, 'password_hash as passwordHash'])
    .where('email', '=', email)
    .executeTakeFirst()
}

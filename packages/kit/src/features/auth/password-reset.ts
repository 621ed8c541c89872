import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { deleteExpired } from './expired-rows.ts'
import { createOpaqueToken, hashOf } from './opaque-token.ts'
import type { PasswordReset } from './reset-message.ts'

/** How long a reset token is good for, in milliseconds. */
export const RESET_TTL_MS = 30 * 60_000

/**
 * Makes the reset token of an address; the one before it ends. The same is done, and written, where
 * nobody has the address: then the result is undefined, and no token leads anywhere.
 */
export async function openReset(
  db: Db,
  email: string,
  now: Date,
): Promise<PasswordReset | undefined> {
  const token = createOpaqueToken()
  const expiresAt = new Date(now.getTime() + RESET_TTL_MS)
  const { rows } = await sql<{ user_id: string | null }>`
    insert into tautline.password_reset as open (address, token_hash, user_id, expires_at)
    values (${hashOf(email)}, ${hashOf(token)},
      (select id from tautline.user where email = ${email}), ${expiresAt})
    on conflict (address) do update set
      token_hash = excluded.token_hash, user_id = excluded.user_id, expires_at = excluded.expires_at
    returning open.user_id`.execute(db)
  await deleteExpired(db, 'tautline.password_reset', now)
  return rows[0]?.user_id ? { email, token, expiresAt } : undefined
}

/** Whose reset token this is, if its time is not over and they still have the address. */
export async function findReset(db: Db, token: string, now: Date) {
  const found = await db
    .selectFrom('tautline.password_reset as reset')
    .innerJoin('tautline.user as user', 'user.id', 'reset.user_id')
    .select(['user.id as userId', 'user.email', 'reset.address'])
    .where('token_hash', '=', hashOf(token))
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return found && hashOf(found.email).equals(found.address) ? found : undefined
}

/** Takes a reset token; of any number that try, one does. */
export async function takeReset(db: Db, token: string): Promise<boolean> {
  const taken = await db
    .deleteFrom('tautline.password_reset')
    .where('token_hash', '=', hashOf(token))
    .returning('address')
    .executeTakeFirst()
  return taken !== undefined
}

/** Ends the open resets of a user. */
export async function closeResetsOf(db: Db, userId: string): Promise<void> {
  await db.deleteFrom('tautline.password_reset').where('user_id', '=', userId).execute()
}

import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import type { Principal } from '../../resources.ts'
import { createOpaqueToken, hashOf } from './opaque-token.ts'

/** How long a session lives without a refresh, in milliseconds. */
export const REFRESH_TTL_MS = 30 * 24 * 60 * 60_000

/** For how long a used token is exchanged once more, because its answer was lost. */
export const REUSE_GRACE_MS = 10_000

/** Rows past their time that one write removes at most, of each kind. */
const SWEEP_ROWS = 10

export interface RefreshToken {
  readonly sessionId: string
  /** Opaque; the database has its hash only. */
  readonly refreshToken: string
  readonly refreshExpiresAt: Date
}

/** Begins a session of a user, with its first refresh token. */
export async function openSession(db: Db, userId: string, now: Date): Promise<RefreshToken> {
  const { id } = await db
    .insertInto('tautline.session')
    .values({ user_id: userId, created_at: now, last_used_at: now, expires_at: expiryOf(now) })
    .returning('id')
    .executeTakeFirstOrThrow()
  await sweep(db, now)
  return addToken(db, id, now)
}

/** What became of a refresh token: its successor, or nothing, for it was used before or unknown. */
export type Exchange =
  | ({ readonly kind: 'exchanged'; readonly userId: string } & RefreshToken)
  | { readonly kind: 'reused'; readonly userId: string }
  | { readonly kind: 'unknown' }

/**
 * Exchanges a refresh token for its successor. A token that comes back after the grace was stolen,
 * or its successor was: then the session is revoked, which the caller must commit. Runs in a
 * transaction; exchanges of one session wait for each other.
 */
export async function exchangeToken(db: Db, refreshToken: string, now: Date): Promise<Exchange> {
  const hash = hashOf(refreshToken)
  const session = await lockSession(db, hash)
  if (!session || session.revoked_at) return { kind: 'unknown' }
  // Read in a statement of its own: one that waited for the lock still sees what was before.
  const token = await db
    .selectFrom('tautline.refresh_token')
    .select('used_at')
    .where('hash', '=', hash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  if (!token) return { kind: 'unknown' }
  const { id, user_id: userId } = session
  if (token.used_at && now.getTime() - token.used_at.getTime() > REUSE_GRACE_MS) {
    await revokeSession(db, id, now)
    return { kind: 'reused', userId }
  }
  // Within the grace this ends the lost successor, so that one chain lives on.
  await db
    .updateTable('tautline.refresh_token')
    .set({ used_at: now })
    .where('session_id', '=', id)
    .where('used_at', 'is', null)
    .execute()
  await db
    .updateTable('tautline.session')
    .set({ last_used_at: now, expires_at: expiryOf(now) })
    .where('id', '=', id)
    .execute()
  await sweep(db, now)
  return { kind: 'exchanged', userId, ...(await addToken(db, id, now)) }
}

function lockSession(db: Db, hash: Buffer) {
  return db
    .selectFrom('tautline.session')
    .select(['id', 'user_id', 'revoked_at'])
    .where('id', '=', (from) =>
      from.selectFrom('tautline.refresh_token').select('session_id').where('hash', '=', hash),
    )
    .forUpdate()
    .executeTakeFirst()
}

async function addToken(db: Db, sessionId: string, now: Date): Promise<RefreshToken> {
  const refreshToken = createOpaqueToken()
  const refreshExpiresAt = expiryOf(now)
  await db
    .insertInto('tautline.refresh_token')
    .values({
      hash: hashOf(refreshToken),
      session_id: sessionId,
      expires_at: refreshExpiresAt,
      used_at: null,
    })
    .execute()
  return { sessionId, refreshToken, refreshExpiresAt }
}

function expiryOf(now: Date): Date {
  return new Date(now.getTime() + REFRESH_TTL_MS)
}

async function revokeSession(db: Db, id: string, now: Date): Promise<void> {
  await db
    .updateTable('tautline.session')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
}

/** Ends the session that a refresh token belongs to, used or not. Does nothing for any other. */
export async function closeSession(db: Db, refreshToken: string, now: Date): Promise<void> {
  const session = await lockSession(db, hashOf(refreshToken))
  if (session) await revokeSession(db, session.id, now)
}

/** Ends the sessions of a user: all of them, or all others than `except`. */
export async function closeSessionsOf(
  db: Db,
  user: { readonly userId: string; readonly except?: string | undefined },
  now: Date,
): Promise<void> {
  const { userId, except } = user
  await db
    .updateTable('tautline.session')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .$if(except !== undefined, (query) => query.where('id', '!=', except ?? ''))
    .execute()
}

/** Whether the session behind an access token goes on. A token of no session has none. */
export async function isSessionLive(
  db: Db,
  { userId, sessionId }: Pick<Principal, 'userId' | 'sessionId'>,
  now: Date,
): Promise<boolean> {
  if (sessionId === undefined) return false
  const live = await db
    .selectFrom('tautline.session')
    .select('id')
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return live !== undefined
}

/**
 * Removes a few rows that mean nothing any more. Each exchange adds one row and removes up to ten,
 * so that the tables stay as small as what is alive.
 */
async function sweep(db: Db, now: Date): Promise<void> {
  await sql`
    delete from tautline.refresh_token where hash in (
      select hash from tautline.refresh_token where expires_at <= ${now}
      order by expires_at limit ${SWEEP_ROWS} for update skip locked)`.execute(db)
  await sql`
    delete from tautline.session where id in (
      select id from tautline.session as old
      where expires_at <= ${now}
        and not exists (select from tautline.refresh_token where session_id = old.id)
      order by expires_at limit ${SWEEP_ROWS} for update skip locked)`.execute(db)
}

import { randomBytes } from 'node:crypto'

import { commonErrors, Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { currentRequestId, within } from '../../platform/call-scope.ts'
import type { Resources } from '../../resources.ts'
import { createOpaqueToken, hashOf } from './opaque-token.ts'
import { TOO_MANY_API_KEYS } from './schema.ts'

/** `tlk_<prefix>_<secret>`: recognisable, so that scanners find one that was published. */
export const API_KEY = /^tlk_[0-9a-f]{8}_[\w-]{43}$/

/** Keys of one user that are not revoked. */
export const MAX_KEYS = 50

/** How exact `last_used_at` is. */
const LAST_USED_EVERY_MS = 60_000

const shownColumns = [
  'id',
  'name',
  'prefix',
  'scopes',
  'created_at as createdAt',
  'last_used_at as lastUsedAt',
  'expires_at as expiresAt',
] as const

interface NewKey {
  readonly userId: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly expiresAt: Date | null
}

/** Makes a key; the only time that it is there in plain. Throws `TOO_MANY_API_KEYS`. */
export async function insertKey(db: Db, { userId, ...key }: NewKey, now: Date) {
  // Rivals wait for each other, so that together they do not make one too many.
  const owner = await db
    .selectFrom('tautline.user')
    .select('id')
    .where('id', '=', userId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!owner) throw new Failure(commonErrors.UNAUTHENTICATED)
  if ((await listKeys(db, userId)).length >= MAX_KEYS) throw new Failure(TOO_MANY_API_KEYS)
  const prefix = randomBytes(4).toString('hex')
  const plain = `tlk_${prefix}_${createOpaqueToken()}`
  const row = await db
    .insertInto('tautline.api_key')
    .values({
      user_id: userId,
      name: key.name,
      prefix,
      hash: hashOf(plain),
      scopes: [...key.scopes],
      created_at: now,
      expires_at: key.expiresAt,
    })
    .returning(shownColumns)
    .executeTakeFirstOrThrow()
  return { ...row, key: plain }
}

/** The keys of a user that are not revoked, the newest first. */
export function listKeys(db: Db, userId: string) {
  return db
    .selectFrom('tautline.api_key')
    .select(shownColumns)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(MAX_KEYS)
    .execute()
}

/** Ends a key of this user. Says whether they have one of this id, ended before or not. */
export async function revokeKey(
  db: Db,
  { userId, id }: { readonly userId: string; readonly id: string },
  now: Date,
): Promise<boolean> {
  const revoked = await db
    .updateTable('tautline.api_key')
    .set((set) => ({ revoked_at: set.fn.coalesce('revoked_at', set.val(now)) }))
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('id')
    .executeTakeFirst()
  return revoked !== undefined
}

/** The key of this text, if it is neither revoked nor expired. */
export function findLiveKey(db: Db, plain: string, now: Date) {
  return db
    .selectFrom('tautline.api_key')
    .select(['id', 'user_id as userId', 'scopes'])
    .select(['last_used_at as lastUsedAt', 'expires_at as expiresAt'])
    .where('hash', '=', hashOf(plain))
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .executeTakeFirst()
}

/** Writes down that a key was used, unless it was after `due`. */
export async function updateLastUse(
  db: Db,
  id: string,
  { now, due }: { readonly now: Date; readonly due: Date },
): Promise<void> {
  await db
    .updateTable('tautline.api_key')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .where((where) =>
      where.or([where('last_used_at', 'is', null), where('last_used_at', '<=', due)]),
    )
    .execute()
}

type UsedKey = { readonly id: string; readonly lastUsedAt: Date | null }

/** Writes down when keys were used. */
export interface KeyUse {
  /** Returns at once. What goes wrong is logged, and costs an entry, never a call. */
  note(key: UsedKey, resources: Resources): void
}

export function createKeyUse(): KeyUse {
  const writing = new Set<string>() // as many as there are calls at once, at most
  return {
    note({ id, lastUsedAt }, { db, clock, log }) {
      const now = clock.now()
      const due = new Date(now.getTime() - LAST_USED_EVERY_MS)
      if (writing.has(id) || (lastUsedAt && lastUsedAt > due)) return
      writing.add(id)
      // Outside the call: it is neither cancelled with the call nor one of the call's changes.
      within({ requestId: currentRequestId() }, () => updateLastUse(db, id, { now, due }))
        .catch((error: unknown) => log.warn({ err: error }, 'the use of a key was not noted'))
        .finally(() => writing.delete(id))
    },
  }
}

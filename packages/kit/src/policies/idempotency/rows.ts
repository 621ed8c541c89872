import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { violatedConstraint } from '../../db/errors.ts'
import type { KeyName, KeyOwner } from './keys.ts'
import './tables.ts'

/** Another process is at work under the same key. */
export class KeyBusyError extends Error {
  override readonly name = 'KeyBusyError'
}

/** Holds the key until the transaction ends. False when another transaction has it; never waits. */
export async function tryLock(db: Db, [high, low]: KeyName['lock']): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(${high}::integer, ${low}::integer) as locked`.execute(db)
  return rows[0]?.locked === true
}

/**
 * A statement of its own, after the lock: one that did both would look for the row as of the moment
 * before it had the lock.
 */
export function findRow(db: Db, { principal, procedure, key }: KeyOwner) {
  return db
    .selectFrom('tautline.idempotency')
    .select(['fingerprint', 'outcome'])
    .where('principal', '=', principal)
    .where('procedure', '=', procedure)
    .where('key', '=', key)
    .executeTakeFirst()
}

interface NewRow extends KeyOwner {
  readonly fingerprint: Uint8Array
  readonly outcome: string
  readonly created_at: Date
}

/**
 * Throws `KeyBusyError` when the row is there already: the transaction was blind to it, or somebody
 * has not asked for the lock. The primary key is what applies a call once; the lock saves the work.
 */
export async function insertRow(db: Db, row: NewRow): Promise<void> {
  try {
    await db.insertInto('tautline.idempotency').values(row).execute()
  } catch (error) {
    if (violatedConstraint(error) !== 'idempotency_pkey') throw error
    throw new KeyBusyError('Another call has stored its outcome.', { cause: error })
  }
}

/** Deletes up to `limit` rows that were made before; those that somebody holds are left out. */
export async function deleteRows(db: Db, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.idempotency where (principal, procedure, key) in (
      select principal, procedure, key from tautline.idempotency where created_at < ${before}
      order by created_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0)
}

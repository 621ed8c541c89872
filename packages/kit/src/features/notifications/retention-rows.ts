import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { isOneOf, type Owners } from '../../db/owners.ts'
import './tables.ts'

/** Deletes notifications that were read that long ago, by the database's clock. Returns how many. */
export async function deleteRead(db: Db, keptMs: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.notification where id in (
      select id from tautline.notification
      where read_at < now() - ${keptMs}::float8 * interval '1 ms'
      order by read_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** Deletes notifications that nobody has read in that time. Returns how many. */
export async function deleteUnread(db: Db, keptMs: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.notification where id in (
      select id from tautline.notification
      where read_at is null and created_at < now() - ${keptMs}::float8 * interval '1 ms'
      order by created_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** Deletes notifications of an owner, read or not. Returns how many. */
export async function deleteSome(db: Db, owner: Owners, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.notification where id in (
      select id from tautline.notification where ${isOneOf(owner)} limit ${limit} for update)`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0)
}

export async function deleteCounter(db: Db, owner: Owners): Promise<void> {
  await db.deleteFrom('tautline.notification_counter').where(isOneOf(owner)).execute()
}

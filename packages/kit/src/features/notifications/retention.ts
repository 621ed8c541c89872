import type { Db } from '../../db/database.ts'
import { findNewOwners } from './new-rows.ts'
import { numberNew } from './number-new.ts'
import { deleteRead, deleteUnread } from './retention-rows.ts'

/** How many notifications are kept, and for how long, in milliseconds. */
export interface Kept {
  /** After they were read. */
  readonly readMs: number
  /** Those that were not. */
  readonly unreadMs: number
  /** Of one owner: the newest. */
  readonly max: number
}

/** Owners, or rows, of one statement: it must not keep others waiting. */
const OWNERS_AT_ONCE = 50
const ROWS_AT_ONCE = 500

/**
 * Deletes what is kept no longer, by the clock of the database. Owners who never look have no more than
 * the newest either: what is new of them is numbered, and what that makes too many goes with it.
 */
export async function deleteOutdated(db: Db, kept: Kept, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await numberSome(db, kept.max)));
  while (!signal.aborted && (await deleteRead(db, kept.readMs, ROWS_AT_ONCE)) === ROWS_AT_ONCE);
  while (!signal.aborted && (await deleteUnread(db, kept.unreadMs, ROWS_AT_ONCE)) === ROWS_AT_ONCE);
}

/** Whether there may be more. */
async function numberSome(db: Db, max: number): Promise<boolean> {
  const owners = await findNewOwners(db, OWNERS_AT_ONCE)
  if (owners.length > 0) await numberNew(db, owners, max)
  return owners.length > 0
}

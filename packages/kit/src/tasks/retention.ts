import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { deleteEvents, deleteSteps, deleteTasks, holdOutdated } from './retention-rows.ts'

/** Tasks of one transaction. */
const TASKS_AT_ONCE = 50

/** Events, or steps, of one transaction: it must not keep others waiting. */
const ROWS_AT_ONCE = 1_000

/**
 * Deletes tasks that ended longer ago than `keptMs`, by the clock of the database, with their events
 * and steps; before them those of owners who were deleted, which ended before all time. However many
 * these are, each transaction is short. The first event goes first: a task without it is none that can
 * be retried.
 */
export async function deleteOutdated(db: Db, keptMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await inTransaction(db, (all) => deleteSome(all, keptMs))));
}

/** Whether there may be more. */
async function deleteSome(db: Db, keptMs: number): Promise<boolean> {
  const ids = await holdOutdated(db, keptMs, TASKS_AT_ONCE)
  if (ids.length === 0) return false
  if ((await deleteEvents(db, ids, ROWS_AT_ONCE)) === ROWS_AT_ONCE) return true
  if ((await deleteSteps(db, ids, ROWS_AT_ONCE)) === ROWS_AT_ONCE) return true
  await deleteTasks(db, ids)
  return ids.length === TASKS_AT_ONCE
}

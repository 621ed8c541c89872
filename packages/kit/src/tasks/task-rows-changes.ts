import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
import { WISH_CHANNEL } from './events.ts'
import './tables.ts'

/**
 * Leaves the wish that a task end, and rings for whoever runs it. Waits for no row of the task, nor for
 * an end of it that is just deleting an earlier wish: that one is not inserted again.
 */
export async function wishEnd(db: Db, id: string): Promise<void> {
  await sql`
    insert into tautline.task_cancel (task_id) select ${id}::uuid
    where not exists (select from tautline.task_cancel where task_id = ${id}::uuid)
    on conflict do nothing`.execute(db)
  ring(db, WISH_CHANNEL, id)
}

/** Forgets the wish that a task end: it has, or it begins anew. */
export async function forgetWish(db: Db, id: string): Promise<void> {
  await db.deleteFrom('tautline.task_cancel').where('task_id', '=', id).execute()
}

/** Makes a held task one that was cancelled. Returns what it is, and whose. */
export function setCancelled(db: Db, id: string) {
  return db
    .updateTable('tautline.task')
    .set({ state: 'cancelled', job_id: null, finished_at: sql`now()` })
    .where('id', '=', id)
    .returning(['name', 'owner'])
    .executeTakeFirstOrThrow()
}

/** Makes a held task one that waits for a job, as if it had never failed. */
export async function setQueuedAnew(db: Db, id: string, jobId: string): Promise<void> {
  await db
    .updateTable('tautline.task')
    .set({
      state: 'queued',
      failures: 0,
      job_id: jobId,
      output: null,
      error: null,
      progress_current: null,
      progress_total: null,
      progress_message: null,
      finished_at: null,
    })
    .where('id', '=', id)
    .execute()
}

/** Makes a held task one that waits for another job than it had. Nothing else is changed. */
export async function setQueuedAgain(db: Db, id: string, jobId: string): Promise<void> {
  await db
    .updateTable('tautline.task')
    .set({ state: 'queued', job_id: jobId })
    .where('id', '=', id)
    .execute()
}

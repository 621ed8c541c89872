import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import './tables.ts'

/** Holds tasks that ended that long ago, the oldest first; their ids. */
export async function holdOutdated(db: Db, keptMs: number, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from tautline.task
    where finished_at < now() - ${keptMs}::float8 * interval '1 ms'
    order by finished_at limit ${limit} for update skip locked`.execute(db)
  return rows.map(({ id }) => id)
}

/** Deletes events of tasks, those of one task from its first on. Returns how many. */
export async function deleteEvents(db: Db, ids: readonly string[], limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.task_event where (task_id, seq) in (
      select task_id, seq from tautline.task_event where task_id = any(${ids}::uuid[])
      order by task_id, seq limit ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** Deletes steps of tasks. Returns how many. */
export async function deleteSteps(db: Db, ids: readonly string[], limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from tautline.task_step where (task_id, key) in (
      select task_id, key from tautline.task_step where task_id = any(${ids}::uuid[])
      limit ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0)
}

export async function deleteTasks(db: Db, ids: readonly string[]): Promise<void> {
  await sql`delete from tautline.task where id = any(${ids}::uuid[])`.execute(db)
}

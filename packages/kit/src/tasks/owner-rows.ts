import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { isOneOf, type Owners } from '../db/owners.ts'
import './tables.ts'

/** Which tasks of an owner are deleted. */
export interface OwnedTasks {
  readonly owner: Owners
  readonly limit: number
  /** Those that somebody holds, as an attempt does that commits, are waited for or left out. */
  readonly held: 'wait' | 'leave'
}

/**
 * Deletes tasks of an owner, those that are not finished before the others, with all that is known of
 * them. An attempt under way finds its task gone with its next write. Returns how many.
 */
export async function deleteSomeTasks(db: Db, { owner, limit, held }: OwnedTasks): Promise<number> {
  const { numAffectedRows } = await sql`
    with gone as (
      select id from tautline.task where ${isOneOf(owner)}
      order by finished_at is not null, id limit ${limit}
      for update ${held === 'leave' ? sql`skip locked` : sql``}
    ), wish as (
      delete from tautline.task_cancel using gone where task_id = gone.id
    )
    delete from tautline.task using gone where task.id = gone.id`.execute(db)
  return Number(numAffectedRows ?? 0)
}

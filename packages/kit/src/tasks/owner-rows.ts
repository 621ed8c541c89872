import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { isOneOf, type Owners } from '../db/owners.ts'
import './tables.ts'

/** Which tasks of an owner are given up. */
export interface OwnedTasks {
  readonly owner: Owners
  readonly limit: number
  /** Those that somebody holds, as an attempt does that commits, are waited for or left out. */
  readonly held: 'wait' | 'leave'
}

/**
 * Gives up tasks of an owner who is deleted, those that are not finished before the others. With the
 * commit they are nobody's: nobody finds them, an attempt under way finds itself lost with its next
 * write, and who watches finds the task gone. Their events may be very many, so the rows wait for
 * `deleteOutdated`, which takes them before all others and in short transactions. Returns how many.
 */
export async function giveUpTasks(db: Db, { owner, limit, held }: OwnedTasks): Promise<number> {
  // An event that is missing tells who follows that the task is gone.
  const { numAffectedRows } = await sql`
    with gone as (
      select id from tautline.task where ${isOneOf(owner)}
      order by finished_at is not null, id limit ${limit}
      for no key update ${held === 'leave' ? sql`skip locked` : sql``}
    ), wish as (
      delete from tautline.task_cancel using gone where task_id = gone.id
    )
    update tautline.task
    set owner = null, state = 'cancelled', finished_at = '-infinity', job_id = null,
      last_seq = last_seq + 1, input = '', output = null, error = null, progress_message = null,
      dedupe_key = null
    from gone where task.id = gone.id`.execute(db)
  return Number(numAffectedRows ?? 0)
}

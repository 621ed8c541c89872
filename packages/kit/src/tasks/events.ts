import { sql } from 'kysely'

import type { TaskEventType } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { toText } from './wire-text.ts'

/** The channel that rings when a task has changed, with its id: a hint, and never the data. */
export const TASK_CHANNEL = 'tautline_task'

/** The channel that rings when somebody wants a task to end, with its id. */
export const WISH_CHANNEL = 'tautline_task_wish'

/** Something that happened to a task. */
export interface NewTaskEvent {
  readonly taskId: string
  /** In which it happened. Default: the last that began. */
  readonly attempt?: number
  readonly type: TaskEventType
  readonly data: unknown
}

/**
 * Adds an event to a task, and rings: all of it in one statement, on the transaction that `db` is. It
 * takes the task's row, which makes the numbers gapless: 1 for its first, and in the order in which
 * transactions commit. Returns the number; 0, and nothing added, where there is no such task.
 */
export async function appendEvent(db: Db, event: NewTaskEvent): Promise<number> {
  const { taskId, attempt, type, data } = event
  const { rows } = await sql<{ seq: number }>`
    with task as (
      update tautline.task set last_seq = last_seq + 1 where id = ${taskId}
      returning id, attempt, last_seq
    ), event as (
      insert into tautline.task_event (task_id, seq, attempt, type, data)
      select id, last_seq, coalesce(${attempt ?? null}::integer, attempt), ${type}, ${toText(data)}
      from task
    )
    select last_seq as seq, pg_notify(${TASK_CHANNEL}, id::text) from task`.execute(db)
  return rows[0]?.seq ?? 0
}

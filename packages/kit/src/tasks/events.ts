import { sql } from 'kysely'

import type { TaskEventType } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
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
 * Adds an event to a task, in one statement on the transaction that `db` is, and rings after that. It
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
    select last_seq as seq from task`.execute(db)
  const { seq = 0 } = rows[0] ?? {}
  if (seq > 0) ring(db, TASK_CHANNEL, taskId)
  return seq
}

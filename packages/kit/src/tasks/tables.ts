import type { ColumnType, Generated } from 'kysely'

import type { TaskEventType, TaskState } from '@tautline/shared'

/** `tautline.task`: the truth about a task, as its owner sees it. */
export interface TaskTable {
  id: Generated<string>
  name: ColumnType<string, string, never>
  /** Whose it is, as `identityOf` writes a principal; null where the backend itself has asked for it. */
  owner: ColumnType<string | null, string | null, never>
  /** On the wire's format, as text. */
  input: ColumnType<string, string, never>
  state: Generated<TaskState>
  /** Number of the last attempt that began: the fencing token. */
  attempt: Generated<number>
  /** Attempts that failed; those whose process was lost do not count. */
  failures: Generated<number>
  /** The delivery that may begin the next attempt, or has begun this one. */
  job_id: string | null
  priority: ColumnType<number, number, never>
  /** No two unfinished tasks of one name and owner have the same. */
  dedupe_key: ColumnType<string | null, string | null, never>
  /** On the wire's format, as text. */
  output: string | null
  /** Why it failed, for people. */
  error: string | null
  progress_current: number | null
  progress_total: number | null
  progress_message: string | null
  /** Of its newest event. */
  last_seq: Generated<number>
  created_at: ColumnType<Date, never, never>
  /** When the last attempt began. */
  started_at: Date | null
  /** `-infinity` where its owner was deleted: it only waits for its own deletion. */
  finished_at: Date | null
}

/** `tautline.task_event`: what happened to a task, numbered from 1 without a gap. */
export interface TaskEventTable {
  task_id: ColumnType<string, string, never>
  seq: ColumnType<number, number, never>
  attempt: ColumnType<number, number, never>
  type: ColumnType<TaskEventType, TaskEventType, never>
  /** On the wire's format, as text. */
  data: ColumnType<string, string, never>
  created_at: ColumnType<Date, never, never>
}

/** `tautline.task_cancel`: wishes that a task end. Written without waiting for the task's row. */
export interface TaskCancelTable {
  task_id: ColumnType<string, string, never>
  created_at: ColumnType<Date, never, never>
}

/** `tautline.task_step`: the ledger of effects outside the database. */
export interface TaskStepTable {
  task_id: ColumnType<string, string, never>
  key: ColumnType<string, string, never>
  /** `sending` is committed before the effect; left behind, nobody knows whether it happened. */
  state: 'sending' | 'done' | 'failed' | 'unknown'
  attempt: number
  /** Of one that is done: on the wire's format, as text. */
  output: string | null
  error: string | null
}

/** `tautline.task_schedule`: when a task that comes round is due. */
export interface TaskScheduleTable {
  name: ColumnType<string, string, never>
  /** What the next time was reckoned from: another one is reckoned anew. */
  spec: string
  next_at: Date | null
}

declare module '../db/database.ts' {
  interface Database {
    'tautline.task': TaskTable
    'tautline.task_event': TaskEventTable
    'tautline.task_cancel': TaskCancelTable
    'tautline.task_step': TaskStepTable
    'tautline.task_schedule': TaskScheduleTable
  }
}

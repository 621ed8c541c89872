import { sql, type RawBuilder } from 'kysely'

import type { TaskEventType, TaskState } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
import { TASK_CHANNEL } from './events.ts'
import { toText } from './wire-text.ts'

/**
 * What an attempt writes. Each statement names the attempt, and finds nothing once the task has gone
 * on without it; each is all of its change, its event included. The bell follows the commit.
 */

/** The attempt that writes: the number is greater with each. */
export interface AttemptKey {
  readonly taskId: string
  readonly attempt: number
}

/** What an attempt begins with. */
export interface Begun {
  /** As `identityOf` writes a principal; null for the backend itself. */
  readonly owner: string | null
  /** As text. */
  readonly input: string
  /** Of earlier attempts. */
  readonly failures: number
  /** Whether somebody wants the task to end already. */
  readonly isWished: boolean
}

/** Tells those that an attempt holds from those that it has lost. */
const current = ({ taskId, attempt }: AttemptKey) =>
  sql`id = ${taskId} and attempt = ${attempt} and state = 'running'`

const isWished = sql`exists (select from tautline.task_cancel where task_id = task.id)`

/** Where a task is, to somebody who could not begin it. */
export interface Whereabouts extends Begun {
  readonly state: TaskState
  readonly attempt: number
  readonly jobId: string | null
}

export async function findWhereabouts(db: Db, taskId: string): Promise<Whereabouts | undefined> {
  const { rows } = await sql<Whereabouts>`
    select owner, input, failures, ${isWished} as "isWished", state, attempt, job_id as "jobId"
    from tautline.task where id = ${taskId}`.execute(db)
  return rows[0]
}

/** Holds the attempt until the transaction ends; false when it is lost. */
export async function holdAttempt(db: Db, key: AttemptKey): Promise<boolean> {
  const { rows } = await sql`
    select id from tautline.task where ${current(key)} for no key update`.execute(db)
  return rows.length === 1
}

/** An event that an attempt adds. */
export interface AttemptEvent {
  readonly type: TaskEventType
  /** As text. */
  readonly data: string
}

/** Adds events in their order, which holds the attempt; false when it is lost. */
export function addEvents(
  db: Db,
  key: AttemptKey,
  events: readonly AttemptEvent[],
): Promise<boolean> {
  const set = sql`last_seq = last_seq + ${events.length}::integer`
  return change(db, { key, set, events })
}

/** How far a task is. */
export interface Progress {
  readonly current: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** Writes how far the task is; false when the attempt is lost. */
export function writeProgress(db: Db, key: AttemptKey, progress: Progress): Promise<boolean> {
  const { current: at, total = null, message = null } = progress
  const set = sql`last_seq = last_seq + 1, progress_current = ${at}, progress_total = ${total},
    progress_message = ${message}`
  return change(db, { key, set, events: [{ type: 'progress', data: toText(progress) }] })
}

/** How a task goes on after a failure. */
export interface TaskRetrying {
  readonly failures: number
  /** The job of the next attempt. */
  readonly jobId: string
  readonly error: string
  readonly delayMs: number
}

/** Gives a task back to its queue; false when the attempt is lost. */
export function requeueTask(db: Db, key: AttemptKey, next: TaskRetrying): Promise<boolean> {
  const { failures, jobId, error, delayMs } = next
  const set = sql`last_seq = last_seq + 1, state = 'queued', failures = ${failures},
    job_id = ${jobId}`
  return change(db, { key, set, events: [{ type: 'retrying', data: toText({ error, delayMs }) }] })
}

interface Change {
  readonly key: AttemptKey
  /** Advances `last_seq` by the number of events. */
  readonly set: RawBuilder<unknown>
  readonly events: readonly AttemptEvent[]
}

async function change(db: Db, { key, set, events }: Change): Promise<boolean> {
  const { rows } = await sql`
    with task as (
      update tautline.task set ${set} where ${current(key)} returning id, attempt, last_seq
    ), event as (
      insert into tautline.task_event (task_id, seq, attempt, type, data)
      select id, last_seq - ${events.length}::integer + place, attempt, type, data
      from task, unnest(
        ${events.map(({ type }) => type)}::text[], ${events.map(({ data }) => data)}::text[]
      ) with ordinality as new_event (type, data, place)
    )
    select id from task`.execute(db)
  if (rows.length === 0) return false
  ring(db, TASK_CHANNEL, key.taskId)
  return true
}

/** Those of some tasks that somebody wants to end. */
export async function findWishes(db: Db, taskIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select task_id as id from tautline.task_cancel
    where task_id = any(${taskIds}::uuid[])`.execute(db)
  return rows.map(({ id }) => id)
}

import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import type { AttemptKey } from './attempt-rows.ts'

/** A step of an attempt. */
export interface StepKey extends AttemptKey {
  readonly key: string
}

/** What the ledger knows of a step. */
export interface LedgerEntry {
  readonly state: 'sending' | 'done' | 'failed' | 'unknown'
  /** That has written it last. */
  readonly attempt: number
  /** As text. */
  readonly output: string | null
  readonly error: string | null
}

/** What an effect has come to. */
export interface StepEnd {
  readonly state: 'done' | 'failed' | 'unknown'
  /** As text. */
  readonly output?: string | undefined
  readonly error?: string | undefined
}

/** The task's row, for as long as this attempt is its current one. */
const holding = ({ taskId, attempt }: AttemptKey) => sql`
  select id, attempt from tautline.task
  where id = ${taskId} and attempt = ${attempt} and state = 'running' for no key update`

/**
 * Notes that a step is about to have its effect, where nothing is known of it, or, with `repeat`,
 * where nobody knows whether it had. Returns what the ledger says then; undefined when the attempt is
 * lost.
 */
export async function claimStep(
  db: Db,
  { taskId, attempt, key }: StepKey,
  repeat: boolean,
): Promise<LedgerEntry | undefined> {
  const { rows } = await sql<LedgerEntry>`
    with task as (${holding({ taskId, attempt })}), claimed as (
      insert into tautline.task_step as step (task_id, key, state, attempt)
      select id, ${key}, 'sending', attempt from task
      on conflict (task_id, key) do update set state = 'sending', attempt = excluded.attempt
        where ${repeat} and (
          step.state = 'unknown' or step.state = 'sending' and step.attempt < excluded.attempt)
      returning state, attempt, output, error
    )
    select state, attempt, output, error from claimed
    union all
    select step.state, step.attempt, step.output, step.error
    from task join tautline.task_step as step on step.task_id = task.id and step.key = ${key}
    where not exists (select from claimed)`.execute(db)
  return rows[0]
}

/**
 * Notes what the effect of a step came to. Saying the same once more changes nothing, for whoever has
 * lost the answer. False when the attempt is lost.
 */
export async function endStep(
  db: Db,
  { taskId, attempt, key }: StepKey,
  { state, output, error }: StepEnd,
): Promise<boolean> {
  const { rows } = await sql`
    with task as (${holding({ taskId, attempt })})
    update tautline.task_step as step
    set state = ${state}, attempt = task.attempt, output = ${output ?? null},
      error = ${error ?? null}
    from task where step.task_id = task.id and step.key = ${key}
    returning step.key`.execute(db)
  return rows.length === 1
}

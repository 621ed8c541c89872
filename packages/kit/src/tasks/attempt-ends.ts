import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
import type { Begun } from './attempt-rows.ts'
import { BOSS_SCHEMA, queueOf } from './boss-schema.ts'
import type { Delivery } from './boss.ts'
import { TASK_CHANNEL } from './events.ts'
import { toText } from './wire-text.ts'

/**
 * The beginnings and ends of attempts, several by one statement: each of them is all of its change,
 * or nothing, whatever becomes of the others.
 */

/** Whether to wait for a row that somebody else holds, or to leave it out: others need not wait too. */
export interface Locking {
  readonly waits: boolean
}

const skipping = ({ waits }: Locking) => (waits ? sql`` : sql`skip locked`)

const EMPTY = toText({})

/**
 * Begins attempts, each if its job is the one that its task waits for. That one is not among the
 * begun, by its place among those asked for, says that its task has ended, waits for another job, or
 * has gone on; that the answer to an earlier try was lost; or that its row was held.
 */
export async function beginAttempts(
  db: Db,
  deliveries: readonly Delivery[],
  locking: Locking,
): Promise<ReadonlyMap<number, Begun>> {
  const { rows } = await sql<Begun & { readonly place: number }>`
    with asked as (
      select task_id, job_id, attempt, place from unnest(
        ${deliveries.map(({ taskId }) => taskId)}::uuid[],
        ${deliveries.map(({ jobId }) => jobId)}::uuid[],
        ${deliveries.map(({ attempt }) => attempt)}::integer[]
      ) with ordinality as asked (task_id, job_id, attempt, place)
    ), held as (
      select task.id, asked.attempt, asked.place from tautline.task
      join asked on asked.task_id = task.id
      where task.job_id = asked.job_id and task.state in ('queued', 'running')
        and task.attempt < asked.attempt
      order by task.id for no key update of task ${skipping(locking)}
    ), begun as (
      update tautline.task
      set state = 'running', attempt = held.attempt, started_at = now(), last_seq = last_seq + 1
      from held where task.id = held.id
      returning task.id, owner, input, failures, task.attempt, last_seq, held.place
    ), event as (
      insert into tautline.task_event (task_id, seq, attempt, type, data)
      select id, last_seq, attempt, 'started', ${EMPTY} from begun
    )
    select place::int, owner, input, failures,
      exists (select from tautline.task_cancel where task_id = begun.id) as "isWished"
    from begun`.execute(db)
  ringAll(db, deliveries, rows)
  return new Map(rows.map(({ place, ...begun }) => [place - 1, begun]))
}

/** How a task ends. */
export interface TaskEnd {
  readonly state: 'succeeded' | 'failed' | 'dead' | 'cancelled'
  /** As text; of one that succeeded. */
  readonly output?: string | undefined
  /** For people; of one that failed. */
  readonly error?: string | undefined
  readonly failures: number
}

/** The end of the attempt that a delivery has begun. */
export interface AttemptEnd {
  readonly delivery: Delivery
  readonly end: TaskEnd
}

/**
 * Ends tasks, and their jobs with them. Returns the places of those that have ended among those asked
 * for: of the others nothing is changed. Either the row or the job is another's, or the row was held.
 */
export async function endTasks(
  db: Db,
  ends: readonly AttemptEnd[],
  locking: Locking,
): Promise<ReadonlySet<number>> {
  const of = <T>(read: (one: AttemptEnd) => T) => ends.map(read)
  const { rows } = await sql<{ readonly place: number }>`
    with asked as (
      select task_id, attempt, queue, job_id, retry_count, state, output, error, failures, data, place
      from unnest(
        ${of(({ delivery }) => delivery.taskId)}::uuid[],
        ${of(({ delivery }) => delivery.attempt)}::integer[],
        ${of(({ delivery }) => queueOf(delivery.name))}::text[],
        ${of(({ delivery }) => delivery.jobId)}::uuid[],
        ${of(({ delivery }) => delivery.retryCount)}::integer[],
        ${of(({ end }) => end.state)}::text[],
        ${of(({ end }) => end.output ?? null)}::text[],
        ${of(({ end }) => end.error ?? null)}::text[],
        ${of(({ end }) => end.failures)}::integer[],
        ${of(({ end }) => toText(end.error === undefined ? {} : { error: end.error }))}::text[]
      ) with ordinality as asked (
        task_id, attempt, queue, job_id, retry_count, state, output, error, failures, data, place
      )
    ), held as (
      select asked.place from tautline.task join asked on asked.task_id = task.id
      where task.attempt = asked.attempt and task.state = 'running'
      order by task.id for no key update of task ${skipping(locking)}
    ), job as (
      delete from ${sql.table(`${BOSS_SCHEMA}.job`)} job
      using asked join held on held.place = asked.place
      where job.name = asked.queue and job.id = asked.job_id
        and job.retry_count = asked.retry_count and job.state = 'active'
      returning asked.place
    ), ended as (
      update tautline.task
      set state = asked.state, output = asked.output, error = asked.error,
        failures = asked.failures, job_id = null, finished_at = now(), last_seq = last_seq + 1
      from asked join job on job.place = asked.place
      where task.id = asked.task_id
      returning task.id, task.attempt, last_seq, asked.state, asked.data, asked.place
    ), event as (
      insert into tautline.task_event (task_id, seq, attempt, type, data)
      select id, last_seq, attempt, state, data from ended
    ), wish as (
      delete from tautline.task_cancel using ended where task_id = ended.id
    )
    select place::int from ended`.execute(db)
  ringAll(
    db,
    ends.map(({ delivery }) => delivery),
    rows,
  )
  return new Set(rows.map(({ place }) => place - 1))
}

/** For those that have changed; the first of them all has place 1. */
function ringAll(
  db: Db,
  all: readonly Delivery[],
  changed: readonly { readonly place: number }[],
): void {
  for (const { place } of changed) {
    const delivery = all[place - 1]
    if (delivery) ring(db, TASK_CHANNEL, delivery.taskId)
  }
}

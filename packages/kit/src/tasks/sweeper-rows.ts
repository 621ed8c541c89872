import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { BOSS_SCHEMA, queueOf } from './boss-schema.ts'
import './tables.ts'

const jobs = sql.table(`${BOSS_SCHEMA}.job`)

/** The job that a row of `task` names; to be joined on. */
const ofTask = sql`job.name = ${queueOf('')} || task.name and job.id = task.job_id`

/** Whether a worker has the job, and was heard of within its lease. */
const isHeld = sql`(
  job.state = 'active' and job.heartbeat_on >= now() - job.heartbeat_seconds * interval '1 s'
)`

/** Deletes wishes that a task end which has ended, or is gone. */
export async function deleteVainWishes(db: Db): Promise<void> {
  await sql`
    delete from tautline.task_cancel as wish where not exists (
      select from tautline.task where id = wish.task_id and finished_at is null)`.execute(db)
}

/** A wish that a task end which nobody who works on it will see. */
export interface LeftWish {
  readonly id: string
  /** Whether the task has ended by itself, or is gone. */
  readonly isVain: boolean
}

/** Wishes for tasks that nobody works on, the oldest first. */
export async function findLeftWishes(db: Db, limit: number): Promise<LeftWish[]> {
  const { rows } = await sql<LeftWish>`
    select wish.task_id as id, (task.id is null or task.finished_at is not null) as "isVain"
    from tautline.task_cancel as wish
    left join tautline.task on task.id = wish.task_id
    left join ${jobs} job on ${ofTask}
    where task.state is distinct from 'running' or ${isHeld} is not true
    order by wish.created_at limit ${limit}`.execute(db)
  return rows
}

/** Whether a worker has the job of a task, and was heard of within its lease. */
export async function isWorkedOn(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`
    select exists (
      select from tautline.task join ${jobs} job on ${ofTask}
      where task.id = ${id} and ${isHeld}
    ) as is`.execute(db)
  return rows[0]?.is ?? false
}

/** Ids of unfinished tasks of these names that no job will ever bring to a worker. */
export async function findForgotten(
  db: Db,
  names: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select task.id from tautline.task
    where finished_at is null and name = any(${names}::text[]) and not exists (
      select from ${jobs} job where ${ofTask} and job.state <= 'active'
    )
    limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** Whether a job will bring a task to a worker, or has. */
export async function hasJob(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (
      select from tautline.task join ${jobs} job on ${ofTask}
      where task.id = ${id} and job.state <= 'active'
    ) as has`.execute(db)
  return rows[0]?.has ?? false
}

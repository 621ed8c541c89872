import { sql, type RawBuilder } from 'kysely'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
import { BOSS_SCHEMA, queueOf, QUEUE_CHANNEL, taskOf } from './boss-schema.ts'

/** A job of pg-boss. */
export interface Job {
  /** Of its task. */
  readonly name: string
  readonly jobId: string
}

/** A job as somebody has fetched it: when it is fetched again, by whomever, its count is another. */
export interface FetchedJob extends Job {
  readonly retryCount: number
}

const jobs = sql.table(`${BOSS_SCHEMA}.job`)

/**
 * Says that the fetched jobs are worked on. Returns those that are another's by now, or nobody's. A
 * job that is locked is being ended: it is left alone, so that nobody waits.
 */
export async function touchJobs<J extends FetchedJob>(db: Db, held: readonly J[]): Promise<J[]> {
  const { rows } = await sql<{ place: number }>`
    with mine as (
      select claim.place, job.name, job.id from ${jobs} job join ${claimsOf(held)}
        on claim.name = job.name and claim.id = job.id and claim.retry_count = job.retry_count
      where job.state = 'active'
    ), free as (
      select job.name, job.id from ${jobs} job join mine on mine.name = job.name and mine.id = job.id
      for update of job skip locked
    ), touched as (
      update ${jobs} job set heartbeat_on = now() from free
      where job.name = free.name and job.id = free.id
    )
    select place::int from mine`.execute(db)
  const places = new Set(rows.map(({ place }) => place))
  return held.filter((_, index) => !places.has(index + 1))
}

/** Those of some tasks that have jobs to be fetched now. Ordered as the index is, of which one is enough. */
export async function findDue(db: Db, names: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ queue: string }>`
    select asked.queue from unnest(${names.map(queueOf)}::text[]) as asked (queue)
    where (
      select true from ${jobs} where name = asked.queue and state < 'active' and not blocked
        and start_after <= now()
      order by priority desc, created_on limit 1
    )`.execute(db)
  return rows.map(({ queue }) => taskOf(queue))
}

/** Deletes a job that nobody has fetched, nor is fetching now: nobody is waited for. */
export async function deleteWaiting(db: Db, { name, jobId }: Job): Promise<void> {
  await sql`
    delete from ${jobs} where (name, id) in (
      select name, id from ${jobs}
      where name = ${queueOf(name)} and id = ${jobId} and state < 'active' for update skip locked
    )`.execute(db)
}

/**
 * Gives jobs whose worker was not heard of for the time of their queue to whoever fetches next, and
 * rings: the longest gone first, and none that somebody else holds. Returns how many.
 */
export async function releaseExpired(db: Db, limit: number): Promise<number> {
  return release(
    db,
    sql`
      select name, id from ${jobs}
      where state = 'active' and heartbeat_on < now() - heartbeat_seconds * interval '1 s'
      order by heartbeat_on limit ${limit} for update skip locked`,
  )
}

/** The same with jobs that were fetched here, as far as they still are ours. */
export async function releaseHeld(db: Db, held: readonly FetchedJob[]): Promise<number> {
  return release(
    db,
    sql`
      select job.name, job.id from ${jobs} job join ${claimsOf(held)}
        on claim.name = job.name and claim.id = job.id and claim.retry_count = job.retry_count
      where job.state = 'active' for update of job`,
  )
}

/** pg-boss counts a job up when it is fetched again, which is what fences whoever had it. */
async function release(db: Db, found: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ queue: string }>`
    with found as (${found})
    update ${jobs} job set state = 'retry', heartbeat_on = null from found
    where job.name = found.name and job.id = found.id
    returning job.name as queue`.execute(db)
  for (const queue of new Set(rows.map(({ queue }) => queue))) {
    ring(db, QUEUE_CHANNEL, taskOf(queue))
  }
  return rows.length
}

/** Fetched jobs as a table `claim`; the first has place 1. */
function claimsOf(held: readonly FetchedJob[]) {
  return sql`unnest(
    ${held.map(({ name }) => queueOf(name))}::text[],
    ${held.map(({ jobId }) => jobId)}::uuid[],
    ${held.map(({ retryCount }) => retryCount)}::integer[]
  ) with ordinality as claim (name, id, retry_count, place)`
}

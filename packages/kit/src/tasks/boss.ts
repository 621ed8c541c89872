import { sql } from 'kysely'
import { z } from 'zod'

import type { Db } from '../db/database.ts'
import { ring } from '../db/ring.ts'
import type { Logger } from '../platform/logger.ts'
import { createBossEngine, executorOn, type BossEngine } from './boss-engine.ts'
import { findDue, releaseExpired, releaseHeld, touchJobs, type FetchedJob } from './boss-jobs.ts'
import { queueOf, QUEUE_CHANNEL } from './boss-schema.ts'

/** A wish that a task be delivered to a worker. */
export interface JobRequest {
  /** Of the task. */
  readonly name: string
  readonly taskId: string
  /** The last attempt of the task that began; 0 for a new one. */
  readonly base: number
  /** Not before, in milliseconds from the database's now. */
  readonly delayMs?: number | undefined
  /** Higher comes first, in the queue. Default 0. */
  readonly priority?: number | undefined
  /** A new UUID that the job is to have, where its task's row was written first. Default: any. */
  readonly jobId?: string | undefined
}

/** A task in the hands of a worker, for as long as that gives signs of life every 10 s. */
export interface Delivery extends FetchedJob {
  readonly taskId: string
  /** Number of the attempt that it may begin: greater with each delivery of the task. */
  readonly attempt: number
}

/**
 * Brings tasks to workers: pg-boss, in the same Postgres. It delivers a job once, and once more
 * whenever its worker was not heard of for 10 s; all else about a task is ours.
 */
export interface Boss {
  readonly isStarted: boolean
  /**
   * Makes the queues of these tasks. Resolves also when the database is away or was never migrated:
   * it is tried again every second then, until `stop`.
   */
  start(names: readonly string[]): Promise<void>
  /**
   * Sends a job, within the transaction that `db` is, and rings after it, unless it is delayed.
   * Returns its id. Throws `UNAVAILABLE` before it was started.
   */
  send(db: Db, job: JobRequest): Promise<string>
  /** Takes jobs that are due, by priority and age. None before it was started. */
  fetch(name: string, batchSize: number): Promise<Delivery[]>
  /** Those of these tasks that have jobs to be fetched now: what a bell has not told. */
  findDue(names: readonly string[]): Promise<string[]>
  /** Ends a job that is still this delivery's; false, and nothing done, when it is not. */
  complete(db: Db, delivery: FetchedJob): Promise<boolean>
  /** Says that these are worked on. Returns those that are no longer ours. */
  touch<J extends FetchedJob>(held: readonly J[]): Promise<J[]>
  /** Gives jobs that are still ours to whoever fetches next, and rings. */
  giveBack(held: readonly FetchedJob[]): Promise<void>
  /** Whether it was started; asks the database, and throws when that does not answer. */
  isReachable(): Promise<boolean>
  /** Gives jobs whose worker was not heard of for 10 s to others. Returns how many. */
  supervise(): Promise<number>
  /** Ends its timers. Jobs stay where they are. */
  stop(): Promise<void>
}

export interface BossOptions {
  readonly db: Db
  readonly log: Logger
}

/** Expired jobs that one statement takes. */
const EXPIRED_AT_ONCE = 500

const JobData = z.object({ taskId: z.guid(), base: z.int().min(0) })

/** What pg-boss answers where it ends jobs, which its types do not say. */
const Ended = z.object({ affected: z.int() })

/** Opens nothing before `start`. */
export function createBoss({ db, log }: BossOptions): Boss {
  const engine = createBossEngine(db, log)
  return {
    get isStarted() {
      return engine.current !== undefined
    },
    start: (names) => engine.start(names),
    send: (on, job) => send(engine, on, job),
    fetch: async (name, batchSize) => {
      const jobs = (await engine.current?.fetch<unknown>(queueOf(name), { batchSize })) ?? []
      return jobs.flatMap(({ id, data, retryCount }): Delivery[] => {
        const known = JobData.safeParse(data)
        if (!known.success) {
          log.error({ jobId: id, task: name }, 'a job in the queue of a task is none of ours')
          return []
        }
        const { taskId, base } = known.data
        return [{ name, jobId: id, retryCount, taskId, attempt: base + retryCount + 1 }]
      })
    },
    findDue: async (names) => (engine.current ? findDue(db, names) : []),
    complete: (on, delivery) => complete(engine, on, delivery),
    touch: (held) => touchJobs(db, held),
    giveBack: async (held) => {
      await releaseHeld(db, held)
    },
    isReachable: async () => {
      if (!engine.current) return false
      await sql`select 1`.execute(db)
      return true
    },
    supervise: async () => (engine.current ? releaseExpired(db, EXPIRED_AT_ONCE) : 0),
    stop: () => engine.stop(),
  }
}

async function send(engine: BossEngine, db: Db, job: JobRequest): Promise<string> {
  const { name, taskId, base, delayMs = 0, priority = 0, jobId } = job
  // As an interval: the database adds it to its own now.
  const startAfter = delayMs > 0 ? { startAfter: `${delayMs} milliseconds` } : {}
  const given = jobId === undefined ? {} : { id: jobId }
  const options = { db: executorOn(db), priority, ...startAfter, ...given }
  const id = await engine.running().send(queueOf(name), { taskId, base }, options)
  if (id === null) throw new Error(`There is no queue for the task ${name}.`)
  if (delayMs === 0) ring(db, QUEUE_CHANNEL, name)
  return id
}

/** Deletes it, and does not keep it as completed: what came of it is on the task's row. */
async function complete(engine: BossEngine, db: Db, delivery: FetchedJob): Promise<boolean> {
  const { name, jobId, retryCount } = delivery
  const claim = { id: jobId, retryCount }
  const options = { db: executorOn(db) }
  const ended = await engine.running().deleteJob(queueOf(name), [claim], options)
  return Ended.parse(ended).affected === 1
}

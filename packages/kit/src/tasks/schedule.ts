import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Acceptor } from './accept.ts'
import type { Task, TaskSchedule } from './definition.ts'
import { findDue, holdDue, putSchedule, readNow, setNext } from './schedule-rows.ts'
import { nextTime, specOf } from './schedule-times.ts'

/** A task that comes round. */
interface Scheduled {
  readonly task: Task
  readonly schedule: TaskSchedule<unknown>
}

/** Before a process tries a time again that it could not take, in milliseconds. */
const AGAIN_MS = 60_000

/** No two times of a schedule are unfinished at once, also where the task has no key of its own. */
const OWN_KEY = 'schedule'

export interface SchedulerParts {
  readonly db: Db
  readonly acceptor: Acceptor
  readonly tasks: readonly Task[]
  readonly log: Logger
  readonly metrics: Metrics
}

/**
 * One turn of what enqueues the tasks that come round, in every process: each time is taken once,
 * by whoever holds the schedule's row first. Times that nobody was there for are one time; a time at
 * which the task before is not finished is left out.
 */
export function createScheduler(parts: SchedulerParts): (signal: AbortSignal) => Promise<void> {
  const { db, log } = parts
  const all = parts.tasks.flatMap((task) =>
    task.schedule ? [[task.name, { task, schedule: task.schedule }] as const] : [],
  )
  const scheduled: ReadonlyMap<string, Scheduled> = new Map(all)
  const failedAt = new Map<string, number>()
  let noted = false

  const mayBeTried = (name: string) =>
    performance.now() - (failedAt.get(name) ?? -Infinity) >= AGAIN_MS

  return async (signal) => {
    if (scheduled.size === 0) return
    if (!noted) await noteAll(db, scheduled.values())
    noted = true
    for (const name of await findDue(db, [...scheduled.keys()].filter(mayBeTried))) {
      const one = scheduled.get(name)
      signal.throwIfAborted()
      try {
        if (one) await inTransaction(db, (transaction) => takeTime(transaction, one, parts))
      } catch (error) {
        signal.throwIfAborted()
        failedAt.set(name, performance.now())
        log.error({ err: error, task: name }, 'a task that is due could not be enqueued')
      }
    }
  }
}

async function noteAll(db: Db, all: Iterable<Scheduled>): Promise<void> {
  const now = await readNow(db)
  for (const { task, schedule } of all) {
    const nextAt = nextTime(schedule, now)
    await putSchedule(db, { name: task.name, spec: specOf(schedule), nextAt })
  }
}

async function takeTime(db: Db, { task, schedule }: Scheduled, parts: SchedulerParts) {
  const { name } = task
  const now = await holdDue(db, { name, spec: specOf(schedule) })
  if (!now) return
  await setNext(db, name, nextTime(schedule, now))
  // A key of the task's own says more about which two are the same.
  const options = task.dedupeKey ? {} : { dedupeKey: OWN_KEY }
  const request = { task, input: schedule.input, owner: null }
  const { isDuplicate } = await parts.acceptor.accept(db, request, options)
  if (isDuplicate) parts.metrics.count('task_times_left_out_total', { task: name })
}

import { randomUUID } from 'node:crypto'

import { commonErrors, Failure, type TaskState } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { AnyTask, RedriveOutcome } from '../task-types.ts'
import type { AcceptorParts } from './accept.ts'
import { appendEvent } from './events.ts'
import { forgetWish, setQueuedAnew } from './task-rows-changes.ts'
import {
  countUnfinished,
  findDuplicated,
  hasFirstEvent,
  holdOwner,
  holdOwnTask,
  type HeldTask,
} from './task-rows.ts'

const RETRYABLE: ReadonlySet<TaskState> = new Set(['failed', 'dead', 'cancelled'])

/**
 * Gives a task that has failed all its tries again, within the transaction that `db` is. Its steps
 * are remembered. Deliveries from before begin nothing any more, since the task names a new job.
 * Throws `TOO_MANY_TASKS`.
 */
export async function redriveTask(
  db: Db,
  own: AnyTask,
  { boss, names, maxUnfinished }: AcceptorParts,
): Promise<RedriveOutcome> {
  if (own.owner !== null) await holdOwner(db, own.owner) // before the row, as whoever enqueues and then changes rows
  const task = await holdOwnTask(db, own)
  if (!task || !(await hasFirstEvent(db, task.id))) return { is: 'unknown' }
  const { id, name, state, attempt, priority } = task
  if (!RETRYABLE.has(state) || !names.has(name)) return { is: 'refused', state }
  const duplicated = await findRival(db, own, task)
  if (duplicated !== undefined) return { is: 'duplicate', state, of: duplicated }
  if (await hasTooMany(db, own, maxUnfinished)) throw new Failure(commonErrors.TOO_MANY_TASKS)
  const jobId = randomUUID()
  await setQueuedAnew(db, id, jobId)
  await boss.send(db, { name, taskId: id, base: attempt, jobId, priority })
  await forgetWish(db, id)
  await appendEvent(db, { taskId: id, type: 'queued', data: {} })
  return { is: 'queued' }
}

async function findRival(db: Db, { owner }: AnyTask, { name, dedupeKey }: HeldTask) {
  return dedupeKey === null ? undefined : findDuplicated(db, { name, owner, dedupeKey })
}

/** The backend's own have no bound. */
async function hasTooMany(db: Db, { owner }: AnyTask, max: number): Promise<boolean> {
  return owner !== null && (await countUnfinished(db, owner, max)) >= max
}

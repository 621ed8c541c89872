import { isTaskEnd } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { AnyTask, CancelOutcome } from '../task-types.ts'
import { deleteWaiting } from './boss-jobs.ts'
import { tellEnd, type EndParts } from './ended.ts'
import { appendEvent } from './events.ts'
import { forgetWish, setCancelled, wishEnd } from './task-rows-changes.ts'
import { findState, holdFreeQueued, type HeldTask } from './task-rows.ts'

/**
 * Ends a task of its owner, within the transaction that `db` is. Never waits for the task's row: a
 * step of the task may hold it, and its process may stand still.
 */
export async function cancelTask(db: Db, own: AnyTask, parts: EndParts): Promise<CancelOutcome> {
  const queued = await holdFreeQueued(db, own)
  if (queued) {
    await endCancelled(db, queued, parts)
    return { is: 'ended' }
  }
  const state = await findState(db, own)
  if (state === undefined) return { is: 'unknown' }
  if (isTaskEnd(state)) return { is: 'finished', state }
  await wishEnd(db, own.id)
  return { is: 'asked' }
}

/**
 * Ends a task whose row this transaction holds. A job of it that is just being delivered may still come,
 * and begins nothing.
 */
export async function endCancelled(
  db: Db,
  { id, jobId }: Pick<HeldTask, 'id' | 'jobId'>,
  parts: EndParts,
): Promise<void> {
  const { name, owner } = await setCancelled(db, id)
  if (jobId !== null) await deleteWaiting(db, { name, jobId })
  await forgetWish(db, id)
  await appendEvent(db, { taskId: id, type: 'cancelled', data: {} })
  await tellEnd(db, { id, name, owner, state: 'cancelled', error: null }, parts)
}

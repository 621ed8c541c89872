import { randomUUID } from 'node:crypto'

import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Boss } from './boss.ts'
import { endCancelled } from './cancel-task.ts'
import type { EndParts } from './ended.ts'
import { appendEvent } from './events.ts'
import {
  deleteVainWishes,
  findForgotten,
  findLeftWishes,
  hasJob,
  isWorkedOn,
} from './sweeper-rows.ts'
import { setQueuedAgain } from './task-rows-changes.ts'
import { holdFreeTask } from './task-rows.ts'

/** Tasks of one turn. */
const AT_ONCE = 200

export interface SweeperParts extends EndParts {
  readonly db: Db
  readonly boss: Pick<Boss, 'send'>
  /** Tasks that this backend knows; those of other names are another's. */
  readonly names: ReadonlySet<string>
  readonly metrics: Metrics
}

/**
 * Ends tasks that somebody has cancelled and nobody works on: those that were held when they were
 * cancelled, and those whose process is gone.
 */
export async function endWished(parts: SweeperParts, signal: AbortSignal): Promise<void> {
  const { db } = parts
  const wishes = await findLeftWishes(db, AT_ONCE)
  if (wishes.some(({ isVain }) => isVain)) await deleteVainWishes(db)
  const ids = wishes.filter(({ isVain }) => !isVain).map(({ id }) => id)
  await eachAlone({ ...parts, ids, signal }, async (transaction, id) => {
    const task = await holdFreeTask(transaction, id)
    if (!task) return
    if (task.state === 'running' && (await isWorkedOn(transaction, id))) return
    await endCancelled(transaction, task, parts)
  })
}

/**
 * Gives a new job to tasks that have lost theirs, by whatever accident: without one nobody would ever
 * run them. An attempt that runs all the same is lost by it, so that no two run at once.
 */
export async function requeueForgotten(parts: SweeperParts, signal: AbortSignal): Promise<void> {
  const { db, boss, names, log, metrics } = parts
  const ids = await findForgotten(db, [...names], AT_ONCE)
  await eachAlone({ ...parts, ids, signal }, async (transaction, id) => {
    const task = await holdFreeTask(transaction, id)
    if (!task || (await hasJob(transaction, id))) return
    const { name, attempt, priority, state } = task
    const jobId = randomUUID()
    await setQueuedAgain(transaction, id, jobId)
    await boss.send(transaction, { name, taskId: id, base: attempt, jobId, priority })
    if (state === 'running')
      await appendEvent(transaction, { taskId: id, type: 'queued', data: {} })
    metrics.count('tasks_requeued_total', { task: name })
    log.warn({ taskId: id, task: name, attempt }, 'a task had lost its job; it is queued again')
  })
}

interface Swept extends SweeperParts {
  readonly ids: readonly string[]
  readonly signal: AbortSignal
}

/** Each in a transaction of its own: one that cannot be helped must not keep the others waiting. */
async function eachAlone(
  { db, log, ids, signal }: Swept,
  run: (db: Db, id: string) => Promise<void>,
): Promise<void> {
  for (const id of ids) {
    signal.throwIfAborted()
    try {
      await inTransaction(db, (transaction) => run(transaction, id))
    } catch (error) {
      signal.throwIfAborted()
      log.error({ err: error, taskId: id }, 'a task could not be swept')
    }
  }
}

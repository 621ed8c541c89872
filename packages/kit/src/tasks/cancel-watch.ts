import type { Db } from '../db/database.ts'
import { withDeadline } from '../platform/call-scope.ts'
import { startLoop, type Loop } from '../platform/supervised-loop.ts'
import type { AttemptResources } from './attempt-context.ts'
import { findWishes } from './attempt-rows.ts'
import type { Attempt } from './attempt.ts'

/** Between two looks, in milliseconds, where no bell rings. */
const EVERY_MS = 1_000

/** Longest for one look, in milliseconds. */
const TIMEOUT_MS = 5_000

export interface CancelWatchParts {
  readonly db: Db
  readonly resources: AttemptResources
  /** Those under way. */
  readonly attempts: () => readonly Attempt[]
}

export interface CancelWatch extends Loop {
  /** Looks as soon as it can. */
  look(): void
}

/** Stops attempts whose task somebody wants to end. */
export function startCancelWatch({ db, resources, attempts }: CancelWatchParts): CancelWatch {
  const { log, metrics } = resources
  let looking: Promise<void> | undefined
  let isLooking = false
  let isAsked = false

  /** Never throws: there is no backoff, since who wants a task to end has waited for long enough. */
  async function lookOnce(): Promise<void> {
    try {
      await stopWished()
    } catch (error) {
      metrics.count('task_wish_looks_missed_total')
      log.warn({ err: error }, 'nobody could be asked which tasks are to end')
    }
  }

  async function stopWished(): Promise<void> {
    const running = attempts()
    if (running.length === 0) return
    const ids = running.map(({ delivery }) => delivery.taskId)
    const found = await withDeadline('task:wishes', TIMEOUT_MS, () => findWishes(db, ids))
    const wished = new Set(found)
    for (const attempt of running) {
      if (wished.has(attempt.delivery.taskId)) attempt.stop('cancelled')
    }
  }

  /** Many bells at once are one look, and one that rings during a look is another. */
  function look(): void {
    isAsked = true
    if (!isLooking) looking = lookAsAsked()
  }

  async function lookAsAsked(): Promise<void> {
    isLooking = true
    while (isAsked) {
      isAsked = false
      await lookOnce()
    }
    isLooking = false
  }

  const loop = startLoop({ name: 'task_cancel', everyMs: EVERY_MS, log, metrics, run: lookOnce })
  return {
    look,
    async stop() {
      await loop.stop()
      await looking
    },
  }
}

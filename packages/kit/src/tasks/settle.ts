import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { withDeadline } from '../platform/call-scope.ts'
import { endTasks, type AttemptEnd, type Locking, type TaskEnd } from './attempt-ends.ts'
import { isPassing, isTimeout } from './attempt-errors.ts'
import { gather } from './attempt-gather.ts'
import { requeueTask, type TaskRetrying } from './attempt-rows.ts'
import type { Boss, Delivery } from './boss.ts'
import { endAndTell, type EndedTask, type EndParts } from './ended.ts'

/** Attempts that one statement ends at most. */
const AT_ONCE = 50

/** Longest for it, in milliseconds. */
const TIMEOUT_MS = 5_000

/** What becomes of a task after an attempt. */
export type Settlement =
  | ({ readonly kind: 'end' } & TaskEnd)
  | ({ readonly kind: 'retry' } & Omit<TaskRetrying, 'jobId'>)

export interface SettleParts extends EndParts {
  readonly db: Db
  readonly boss: Pick<Boss, 'complete' | 'send'>
}

export interface Settled {
  readonly delivery: Delivery
  readonly owner: string | null
  readonly priority: number
}

/**
 * Settles an attempt: row, event, job and, for a retry, the next job, all or nothing. False when the
 * attempt is lost: the row or the job is another's. Asked again, when the answer was lost, it is false
 * as well.
 */
export type Settle = (settled: Settled, settlement: Settlement) => Promise<boolean>

/** What ends, and whose it is. */
interface Ending extends AttemptEnd {
  readonly owner: string | null
}

/** Ends what ends at about the same time by one statement. */
export function createSettle(parts: SettleParts): Settle {
  const endOften = gather<Ending, boolean>({
    most: AT_ONCE,
    run: (endings) =>
      withDeadline('task:settle', TIMEOUT_MS, async () => {
        const ended = await end(parts, endings, { waits: false })
        return endings.map((_, place) => ended.has(place))
      }),
  })
  return async ({ delivery, owner, priority }, settlement) => {
    if (settlement.kind === 'retry') return retry(parts, { delivery, owner, priority }, settlement)
    const ending = { delivery, owner, end: settlement }
    const isEnded = await endOften(ending).catch((error: unknown) => {
      if (isPassing(error) && !isTimeout(error)) throw error
      return false
    })
    if (isEnded) return true
    // It is lost, somebody holds its row, for whom the others did not wait, or one of them failed all,
    // or held all up.
    return (await end(parts, [ending], { waits: true })).size > 0
  }
}

/** Those who want to know of ends are told in the transaction; without any, a statement is enough. */
async function end(
  parts: SettleParts,
  endings: readonly Ending[],
  locking: Locking,
): Promise<ReadonlySet<number>> {
  const { db, onEnd = [] } = parts
  if (onEnd.length === 0) return endTasks(db, endings, locking)
  let places: ReadonlySet<number> = new Set()
  await endAndTell(db, parts, async (transaction) => {
    places = await endTasks(transaction, endings, locking)
    return endings.filter((_, place) => places.has(place)).map(toEnded)
  })
  return places
}

function toEnded({ delivery, owner, end: { state, error } }: Ending): EndedTask {
  return { id: delivery.taskId, name: delivery.name, owner, state, error: error ?? null }
}

/** Rolls all of a settlement back. */
class LostError extends Error {}

async function retry(
  { db: pool, boss }: SettleParts,
  { delivery, priority }: Settled,
  { failures, error, delayMs }: Extract<Settlement, { kind: 'retry' }>,
): Promise<boolean> {
  const { name, taskId, attempt: base } = delivery
  try {
    await inTransaction(pool, async (db) => {
      const jobId = await boss.send(db, { name, taskId, base, delayMs, priority })
      const isOurs = await requeueTask(db, delivery, { failures, jobId, error, delayMs })
      if (!isOurs || !(await boss.complete(db, delivery))) throw new LostError()
    })
    return true
  } catch (cause) {
    if (cause instanceof LostError) return false
    throw cause
  }
}

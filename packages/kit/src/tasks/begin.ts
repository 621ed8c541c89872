import { isTaskEnd } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { withDeadline } from '../platform/call-scope.ts'
import { beginAttempts } from './attempt-ends.ts'
import { gather } from './attempt-gather.ts'
import { findWhereabouts, type Begun } from './attempt-rows.ts'
import type { Boss, Delivery } from './boss.ts'

/** Attempts that one statement begins at most. */
const AT_ONCE = 50

/** Longest for it, in milliseconds. */
const TIMEOUT_MS = 5_000

export interface BeginParts {
  readonly db: Db
  readonly boss: Pick<Boss, 'complete'>
}

/**
 * Begins the attempt of a delivery. Undefined when it begins nothing: the task has ended, has another
 * job by now, or has gone on with a later delivery of this one. May be asked again, by whoever was
 * delivered to, when the answer was lost.
 */
export type Begin = (delivery: Delivery) => Promise<Begun | undefined>

/** Begins what is delivered at about the same time by one statement. */
export function createBegin(parts: BeginParts): Begin {
  const beginOften = gather<Delivery, { readonly begun: Begun | undefined }>({
    most: AT_ONCE,
    run: (deliveries) =>
      withDeadline('task:begin', TIMEOUT_MS, async () => {
        const begun = await beginAttempts(parts.db, deliveries, { waits: false })
        return deliveries.map((_, place) => ({ begun: begun.get(place) }))
      }),
  })
  return async (delivery) => {
    const { begun } = await beginOften(delivery)
    return begun ?? beginAlone(parts, delivery)
  }
}

/** Waits for whoever holds the row, and finds out why nothing begins. */
async function beginAlone(
  { db, boss }: BeginParts,
  delivery: Delivery,
): Promise<Begun | undefined> {
  const begun = await beginAttempts(db, [delivery], { waits: true })
  if (begun.size > 0) return begun.get(0)
  const found = await findWhereabouts(db, delivery.taskId)
  const waits = found !== undefined && found.jobId === delivery.jobId && !isTaskEnd(found.state)
  if (!waits) {
    await boss.complete(db, delivery) // nobody needs it any more
    return undefined
  }
  // No two deliveries have the same number, so it was begun here, and the answer was lost.
  return found.attempt === delivery.attempt && found.state === 'running' ? found : undefined
}

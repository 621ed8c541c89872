import type { Db } from '../db/database.ts'
import { isConnectionLoss, isTransactionConflict } from '../db/errors.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Logger } from '../platform/logger.ts'

/** A task that has just ended. */
export interface EndedTask {
  readonly id: string
  readonly name: string
  /** As `identityOf` writes a principal; null for the backend itself. */
  readonly owner: string | null
  readonly state: 'succeeded' | 'failed' | 'dead' | 'cancelled'
  readonly error: string | null
}

/**
 * Told of each end of a task, in the transaction that ends it. What it throws does not stop that, but
 * for conflicts and lost connections, with which all of the transaction is tried again.
 */
export type OnTaskEnd = (db: Db, ended: EndedTask) => Promise<void>

export interface EndParts {
  readonly onEnd?: OnTaskEnd | undefined
  readonly log: Logger
}

/**
 * Tells of the end of a task, in the transaction that ends it and that `db` is: what is written by
 * whoever is told is there exactly when the task has ended. Every statement that ends a task is
 * followed by this.
 */
export async function tellEnd(db: Db, ended: EndedTask, { onEnd, log }: EndParts): Promise<void> {
  if (!onEnd) return
  try {
    await inTransaction(db, (savepoint) => onEnd(savepoint, ended))
  } catch (cause) {
    if (isTransactionConflict(cause) || isConnectionLoss(cause)) throw cause
    log.error({ err: cause, taskId: ended.id }, 'somebody could not be told that a task has ended')
  }
}

/** One for all of them: none keeps the others from being told. */
export function tellAll(all: readonly OnTaskEnd[], log: Logger): OnTaskEnd | undefined {
  if (all.length <= 1) return all[0]
  return async (db, ended) => {
    for (const onEnd of all) await tellEnd(db, ended, { onEnd, log })
  }
}

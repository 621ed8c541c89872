import { AbortedTransactionError } from 'kysely'

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
 * Told of tasks that have just ended, in the transaction that ends them. What it throws does not stop
 * that: it is told again then, of one after the other, each in a savepoint. With conflicts and lost
 * connections all of the transaction is tried again.
 */
export type OnTasksEnd = (db: Db, ended: readonly EndedTask[]) => Promise<void>

export interface EndParts {
  /** All who are told; none keeps the others from it. */
  readonly onEnd?: readonly OnTasksEnd[] | undefined
  readonly log: Logger
}

/** Somebody could not be told, and the transaction is of no more use. */
class NotToldError extends Error {}

/**
 * Ends tasks by `end`, in one transaction, and tells of those that it returns: what is written by whoever
 * is told is there exactly when the task has ended. Without savepoints, which cost more than what is
 * written in them; only when that fails all of it is run again, with a savepoint for each.
 */
export async function endAndTell(
  db: Db,
  parts: EndParts,
  end: (db: Db) => Promise<readonly EndedTask[]>,
): Promise<void> {
  try {
    await inTransaction(db, async (transaction) => {
      await tellTogether(transaction, await end(transaction), parts)
    })
  } catch (error) {
    if (!isOfTelling(error)) throw error
    await inTransaction(db, async (transaction) => {
      for (const ended of await end(transaction)) await tellEnd(transaction, ended, parts)
    })
  }
}

/** Also where whoever was told has swallowed what has undone the transaction. */
function isOfTelling(error: unknown): boolean {
  if (error instanceof NotToldError) return true
  return error instanceof Error && error.cause instanceof AbortedTransactionError
}

async function tellTogether(
  db: Db,
  ended: readonly EndedTask[],
  { onEnd = [] }: EndParts,
): Promise<void> {
  if (ended.length === 0) return
  for (const tell of onEnd) {
    try {
      await tell(db, ended)
    } catch (cause) {
      if (isForAll(cause)) throw cause
      throw new NotToldError('Somebody could not be told that tasks have ended.', { cause })
    }
  }
}

/** Tells of the end of a task, in the transaction that ends it and that `db` is. */
export async function tellEnd(
  db: Db,
  ended: EndedTask,
  { onEnd = [], log }: EndParts,
): Promise<void> {
  for (const tell of onEnd) {
    try {
      await inTransaction(db, (savepoint) => tell(savepoint, [ended]))
    } catch (cause) {
      if (isForAll(cause)) throw cause
      const line = { err: cause, taskId: ended.id }
      log.error(line, 'somebody could not be told that a task has ended')
    }
  }
}

/** Whether all of the transaction has failed, whatever was to be told. */
function isForAll(error: unknown): boolean {
  return isTransactionConflict(error) || isConnectionLoss(error)
}

import type { Db } from '../../db/database.ts'
import { inTransaction } from '../../db/transaction.ts'
import { findHead, giveNumbers, holdCounters } from './new-rows.ts'

/**
 * Numbers what is new of these owners, and deletes what is more than the newest `maxKept` by that. What
 * another is about to number has its number, too, when this resolves.
 */
export async function numberNew(db: Db, owners: readonly string[], maxKept: number): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await holdCounters(transaction, owners)
    await giveNumbers(transaction, owners, maxKept)
  })
}

/** Numbers all that is new of an owner. Returns the last number. */
export async function numberAll(db: Db, owner: string, maxKept: number): Promise<number> {
  for (;;) {
    const { lastSeq = 0, hasNew = false } = (await findHead(db, owner)) ?? {}
    if (!hasNew) return lastSeq
    await numberNew(db, [owner], maxKept)
  }
}

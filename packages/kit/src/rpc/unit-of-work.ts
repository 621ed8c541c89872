import { backoffMs, sleep } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { isTransactionConflict } from '../db/errors.ts'
import { inTransaction } from '../db/transaction.ts'
import { currentCall } from '../platform/call-scope.ts'

/** How often a handler runs at most, the first time included. */
const MAX_ATTEMPTS = 4

const BACKOFF = { baseMs: 10, capMs: 200 }

/**
 * Runs a whole handler in one transaction and commits it. When Postgres refuses it for what others
 * did at the same time (40001, 40P01), also at the commit, all of it runs again.
 */
export async function asUnitOfWork<T>(
  db: Db,
  signal: AbortSignal,
  handler: (db: Db) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    currentCall()?.budget?.renew()
    try {
      return await inTransaction(db, handler)
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isTransactionConflict(error)) throw error
      await sleep(backoffMs(attempt, BACKOFF), { signal })
    }
  }
}

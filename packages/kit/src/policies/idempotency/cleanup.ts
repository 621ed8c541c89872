import type { Db } from '../../db/database.ts'
import type { Clock } from '../../platform/clock.ts'
import { deleteRows } from './rows.ts'

/** How long an outcome is kept at least, in milliseconds. */
export const KEPT_MS = 24 * 60 * 60_000

/** Rows of one statement: it must not keep others waiting. */
const BATCH_ROWS = 500

/** A loop that deletes the outcomes whose time is over, in batches that commit by themselves. */
export const idempotencyCleanup = {
  everyMs: 60_000,
  runsIn: 'one process',
  async run({ db, clock }: { readonly db: Db; readonly clock: Clock }, signal: AbortSignal) {
    const before = new Date(clock.now().getTime() - KEPT_MS)
    while (!signal.aborted && (await deleteRows(db, before, BATCH_ROWS)) === BATCH_ROWS);
  },
} as const

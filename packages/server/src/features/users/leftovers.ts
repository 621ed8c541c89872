import type { FeatureLoop, Resources } from '@tautline/kit'

import {
  closeAccountsOf,
  deleteItemsOf,
  findDeletedUsers,
  forgetDeletedUser,
} from './leftovers-queries.ts'

/**
 * How long after a user was deleted something can still become theirs, in milliseconds: an access
 * token ends after 10 minutes, its last call within the time of the slowest mutation, and the rest is
 * for clocks that disagree.
 */
const TOKENS_END_MS = 11 * 60_000

/** Rows of one statement: it must not keep others waiting. */
const BATCH_ROWS = 500

/**
 * One turn: deletes the items of users whose last token has ended, in batches that commit by
 * themselves, closes their accounts, and then deletes what was remembered of the users. It ends
 * early when `signal` aborts.
 */
async function deleteLeftovers({ db, clock }: Resources, signal: AbortSignal): Promise<void> {
  const before = new Date(clock.now().getTime() - TOKENS_END_MS)
  let after: string | undefined
  do {
    const ids = await findDeletedUsers(db, { before, after, limit: BATCH_ROWS })
    for (const id of ids) {
      while (!signal.aborted && (await deleteItemsOf(db, id, BATCH_ROWS)) === BATCH_ROWS);
      if (signal.aborted) return
      await closeAccountsOf(db, id, { held: 'leave' })
      await forgetDeletedUser(db, id)
    }
    after = ids.length === BATCH_ROWS ? ids.at(-1) : undefined
  } while (after !== undefined)
}

/** Takes away what users left after they were deleted. */
export const leftoversLoop: FeatureLoop = {
  everyMs: 60_000,
  runsIn: 'one process',
  run: deleteLeftovers,
}

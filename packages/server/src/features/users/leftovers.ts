import {
  deleteFilesOf,
  deleteNotificationsOf,
  deleteTasksOf,
  type Db,
  type FeatureLoop,
  type Resources,
} from '@tautline/kit'

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
 * One turn: deletes what is left of users whose last token has ended, in batches that commit by
 * themselves, closes their accounts, and then deletes what was remembered of the users. It ends
 * early when `signal` aborts.
 */
async function deleteLeftovers({ db, clock }: Resources, signal: AbortSignal): Promise<void> {
  const before = new Date(clock.now().getTime() - TOKENS_END_MS)
  let after: string | undefined
  do {
    const ids = await findDeletedUsers(db, { before, after, limit: BATCH_ROWS })
    for (const id of ids) {
      await deleteBelongings(db, id, signal)
      if (signal.aborted) return
      await closeAccountsOf(db, id, { held: 'leave' })
      await forgetDeletedUser(db, id)
    }
    after = ids.length === BATCH_ROWS ? ids.at(-1) : undefined
  } while (after !== undefined)
}

async function deleteBelongings(db: Db, id: string, signal: AbortSignal): Promise<void> {
  const user = { userId: id, tenants: 'every' } as const
  const kinds: [limit: number, deleteSome: (limit: number) => Promise<number>][] = [
    // First: they may be making more of the others.
    [BATCH_ROWS, (limit) => deleteTasksOf(db, user, { limit, held: 'leave' })],
    [BATCH_ROWS, (limit) => deleteItemsOf(db, id, limit)],
    [BATCH_ROWS, (limit) => deleteFilesOf(db, user, limit)],
    [BATCH_ROWS, (limit) => deleteNotificationsOf(db, user, limit)],
  ]
  for (const [limit, deleteSome] of kinds) {
    while (!signal.aborted && (await deleteSome(limit)) === limit);
  }
}

/** Takes away what users left after they were deleted. */
export const leftoversLoop: FeatureLoop = {
  everyMs: 60_000,
  runsIn: 'one process',
  run: deleteLeftovers,
}

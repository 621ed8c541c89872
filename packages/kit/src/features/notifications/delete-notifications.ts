import type { Db } from '../../db/database.ts'
import { ownersOf, type DeletedUser } from '../../rpc/deleted-user.ts'
import { deleteCounter, deleteSome } from './retention-rows.ts'

/**
 * Deletes up to `limit` notifications of a user who is deleted, and then what was counted of them.
 * Returns how many: fewer than `limit` were the last.
 */
export async function deleteNotificationsOf(
  db: Db,
  user: DeletedUser,
  limit: number,
): Promise<number> {
  const owner = ownersOf(user)
  const deleted = await deleteSome(db, owner, limit)
  if (deleted < limit) await deleteCounter(db, owner)
  return deleted
}

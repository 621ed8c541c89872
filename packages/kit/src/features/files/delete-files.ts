import type { Db } from '../../db/database.ts'
import { deleteSomeFiles, deleteUsage } from '../../files/queries.ts'
import { ownersOf, type DeletedUser } from '../../rpc/deleted-user.ts'

/**
 * Deletes up to `limit` files of a user who is deleted, and what was counted of them. Returns how many:
 * fewer than `limit` were the last. Their bytes go soon after the commit.
 */
export async function deleteFilesOf(db: Db, user: DeletedUser, limit: number): Promise<number> {
  const owner = ownersOf(user)
  const deleted = await deleteSomeFiles(db, owner, limit)
  if (deleted < limit) await deleteUsage(db, owner)
  return deleted
}

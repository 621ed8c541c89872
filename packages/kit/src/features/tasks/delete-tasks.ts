import type { Db } from '../../db/database.ts'
import { ownersOf, type DeletedUser } from '../../rpc/deleted-user.ts'
import { giveUpTasks, type OwnedTasks } from '../../tasks/owner-rows.ts'

/**
 * Deletes up to `limit` tasks of a user who is deleted, those that are not finished first: what they
 * still do is undone with its next write. With the commit nobody finds them any more; their rows and
 * events go soon after, some at a time. Returns how many.
 */
export function deleteTasksOf(
  db: Db,
  user: DeletedUser,
  options: Omit<OwnedTasks, 'owner'>,
): Promise<number> {
  return giveUpTasks(db, { ...options, owner: ownersOf(user) })
}

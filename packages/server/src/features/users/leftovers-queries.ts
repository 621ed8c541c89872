import { sql } from 'kysely'

import { isOwnedBy, type Db } from '@tautline/kit'

/** Ids of up to `limit` users who were deleted before a time, in the order of the ids. */
export async function findDeletedUsers(
  db: Db,
  { before, after, limit }: { before: Date; after: string | undefined; limit: number },
): Promise<string[]> {
  const rows = await db
    .selectFrom('deleted_user')
    .select('id')
    .where('deleted_at', '<', before)
    .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Deletes up to `limit` items of an owner, in every tenant; those that somebody holds are left out. */
export async function deleteItemsOf(db: Db, ownerId: string, limit: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('item')
    .where('id', 'in', (build) =>
      build
        .selectFrom('item')
        .select('item.id')
        .where('owner_id', '=', ownerId)
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/**
 * Closes the accounts of an owner, in every tenant: they lose their names and are frozen for good.
 * Those that somebody holds are waited for, or left out. Locks them in the order of their ids, as a
 * transfer does.
 */
export async function closeAccountsOf(
  db: Db,
  ownerId: string,
  { held }: { held: 'wait' | 'leave' },
): Promise<void> {
  await db
    .updateTable('account')
    .set({ name: '', frozen: true, closed_at: sql`now()` })
    .where('id', 'in', (build) =>
      build
        .selectFrom('account')
        .select('account.id')
        .where('owner_id', '=', ownerId)
        .where('closed_at', 'is', null)
        .orderBy('account.id')
        .forUpdate()
        .$if(held === 'leave', (query) => query.skipLocked()),
    )
    .execute()
}

/**
 * Forgets that a user was deleted, unless a task, an item or an open account of theirs is there, in
 * whatever tenant.
 */
export async function forgetDeletedUser(db: Db, id: string): Promise<void> {
  await db
    .deleteFrom('deleted_user')
    .where('id', '=', id)
    .where((build) =>
      build.not(
        build.or([
          build.exists(
            build
              .selectFrom('tautline.task')
              .select('tautline.task.id')
              .where(isOwnedBy({ userId: id, tenants: 'every' })),
          ),
          build.exists(build.selectFrom('item').select('item.id').where('owner_id', '=', id)),
          build.exists(
            build
              .selectFrom('account')
              .select('account.id')
              .where('owner_id', '=', id)
              .where('closed_at', 'is', null),
          ),
        ]),
      ),
    )
    .execute()
}

import { sql, type ExpressionBuilder } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'

import {
  createLoader,
  deleteFilesOf,
  deleteNotificationsOf,
  deleteTasksOf,
  type Database,
  type Db,
} from '@tautline/kit'

import { closeAccountsOf } from './leftovers-queries.ts'

/** What is shown of one. */
export const columns = ['id', 'email', 'name', 'created_at as createdAt'] as const

/** Which user, and who asks: it is part of every query. */
export interface AskedUser {
  readonly id: string
  /** Everybody is there for an admin; for others only the user with this id, if they are one. */
  readonly visible: 'everybody' | { readonly only: string | undefined }
}

/** Ids are compared as text, because the caller's may be another issuer's and no uuid. */
const isAsked =
  ({ id, visible }: AskedUser) =>
  (build: ExpressionBuilder<Database, 'tautline.user'>) => {
    const column = 'tautline.user.id'
    if (visible === 'everybody') return build(column, '=', id)
    return build.and([
      build(column, '=', id),
      build(sql`${sql.ref(column)}::text`, '=', visible.only ?? null),
    ])
  }

/** One user, where the caller may see them. What is asked for at the same moment is one statement. */
export const findUser = createLoader((db, keys: readonly AskedUser[]) => {
  const only = keys.map(({ visible }) => (visible === 'everybody' ? undefined : visible.only))
  const asked = sql<{ account: string; position: bigint }>`unnest(
    ${keys.map(({ id }) => id)}::uuid[],
    ${keys.map(({ visible }) => visible === 'everybody')}::boolean[],
    ${only}::text[]
  ) with ordinality`
  return db
    .selectFrom(asked.as<'asked'>(sql`asked (account, everybody, only_id, position)`))
    .innerJoin('tautline.user', 'tautline.user.id', 'asked.account')
    .where(sql<boolean>`everybody or ${sql.ref('tautline.user.id')}::text = only_id`)
    .select([...columns, 'asked.position'])
    .execute()
})

/** Sort keys of a user, as text: a JavaScript date would cut Postgres' microseconds. */
export interface UserPosition {
  readonly createdAt: string
  readonly id: string
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listUsers(
  db: Db,
  { after, limit }: { after: UserPosition | undefined; limit: number },
) {
  return db
    .selectFrom('tautline.user')
    .select([...columns, sql<string>`created_at::text`.as('position')])
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`,
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
}

export function updateUser(db: Db, asked: AskedUser, changes: { readonly name: string }) {
  return db
    .updateTable('tautline.user')
    .set(changes)
    .where(isAsked(asked))
    .returning(columns)
    .executeTakeFirst()
}

/** Tasks, files and notifications each: as many tasks as may be unfinished, which are the first to go. */
const AT_ONCE = 1_000

/**
 * Deletes a user with all that is theirs by now, but for their accounts: the ledger keeps what was
 * booked, memos included, so these are closed. Returns undefined when there is none. To be called in
 * a transaction.
 *
 * An access token that is out works until it ends, and a call that is under way may commit later:
 * `deleted_user` remembers the id, so that `deleteLeftovers` takes away what they still make.
 *
 * A feature that keeps rows of a user adds here, and to `deleteLeftovers`, what becomes of them:
 * `owner_id` is text without a foreign key, since users may be another issuer's, so nothing goes by
 * itself. What the library's sign-in keeps (sessions, tokens, keys) does go with the user's row.
 */
export async function deleteUser(db: Db, asked: AskedUser) {
  const deleted = await db
    .deleteFrom('tautline.user')
    .where(isAsked(asked))
    .returning('id')
    .executeTakeFirst()
  if (!deleted) return undefined
  await db.insertInto('deleted_user').values(deleted).execute()
  await closeAccountsOf(db, deleted.id, { held: 'wait' })
  const items = await db.deleteFrom('item').where('owner_id', '=', deleted.id).executeTakeFirst()
  // In the order in which their tasks lock them, lest two wait for each other: what a task writes, the
  // task, what tells of its end. Of very many some are left to `deleteLeftovers`.
  const user = { userId: deleted.id, tenants: 'every' } as const
  await deleteFilesOf(db, user, AT_ONCE)
  await deleteTasksOf(db, user, { limit: AT_ONCE, held: 'wait' })
  await deleteNotificationsOf(db, user, AT_ONCE)
  return { id: deleted.id, deletedItems: Number(items.numDeletedRows) }
}

/** Which items of a user, and how many. */
export interface AskedItems {
  /** The caller's tenant, whose items nobody else sees. */
  readonly tenantId: string
  readonly limit: number
}

/**
 * A user with their newest items, in one statement. Inside JSON a bigint would lose digits and a
 * time is text, so both travel as text and are read back here.
 */
export async function findUserWithRecentItems(
  db: Db,
  asked: AskedUser,
  { tenantId, limit }: AskedItems,
) {
  const found = await db
    .selectFrom('tautline.user')
    .select(columns)
    .select((build) =>
      jsonArrayFrom(
        build
          .selectFrom('item')
          .select(['item.id', 'sku', 'item.name', 'quantity', 'item.created_at as createdAt'])
          .select(sql<string>`price_minor::text`.as('priceMinor'))
          .where('owner_id', '=', sql<string>`${sql.ref('tautline.user.id')}::text`)
          .where('tenant_id', '=', tenantId)
          .orderBy('item.created_at', 'desc')
          .orderBy('item.id', 'desc')
          .limit(limit),
      ).as('recentItems'),
    )
    .where(isAsked(asked))
    .executeTakeFirst()
  if (!found) return undefined
  const recentItems = found.recentItems.map((item) => ({
    ...item,
    priceMinor: BigInt(item.priceMinor),
    createdAt: new Date(item.createdAt),
  }))
  return { ...found, recentItems }
}

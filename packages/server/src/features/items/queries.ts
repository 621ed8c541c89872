import { sql, type ExpressionBuilder, type Insertable, type Updateable } from 'kysely'

import { createLoader, type Database, type Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import type { ItemTable } from './tables.ts'

/** What is shown of one. */
export const columns = [
  'id',
  'sku',
  'name',
  'quantity',
  'price_minor as priceMinor',
  'version',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const

/** Which item, and whose: ownership is part of every query. */
export interface OwnItem extends Owner {
  readonly id: string
}

const isOwn =
  ({ ownerId, tenantId }: Owner) =>
  (build: ExpressionBuilder<Database, 'item'>) =>
    build.and({ owner_id: ownerId, tenant_id: tenantId })

/** Inserts an item. Violates `item_owner_sku_key` when the owner has the sku already. */
export function insertItem(
  db: Db,
  { ownerId, tenantId }: Owner,
  item: Omit<Insertable<ItemTable>, 'owner_id' | 'tenant_id'>,
) {
  return db
    .insertInto('item')
    .values({ ...item, owner_id: ownerId, tenant_id: tenantId })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

/** One item of its owner. What is asked for at the same moment is one statement. */
export const findItem = createLoader((db, keys: readonly OwnItem[]) => {
  const asked = sql<{ item: string; owner: string; tenant: string; position: bigint }>`unnest(
    ${keys.map(({ id }) => id)}::uuid[],
    ${keys.map(({ ownerId }) => ownerId)}::text[],
    ${keys.map(({ tenantId }) => tenantId)}::text[]
  ) with ordinality`
  return db
    .selectFrom(asked.as<'asked'>(sql`asked (item, owner, tenant, position)`))
    .innerJoin('item', (join) =>
      join
        .onRef('item.id', '=', 'asked.item')
        .onRef('item.owner_id', '=', 'asked.owner')
        .onRef('item.tenant_id', '=', 'asked.tenant'),
    )
    .select([...columns, 'asked.position'])
    .execute()
})

/** Sort keys of an item, as text: a JavaScript date would cut Postgres' microseconds. */
export interface ItemPosition {
  readonly createdAt: string
  readonly id: string
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listItems(
  db: Db,
  { after, limit, ...owner }: Owner & { after: ItemPosition | undefined; limit: number },
) {
  return db
    .selectFrom('item')
    .select([...columns, sql<string>`created_at::text`.as('position')])
    .where(isOwn(owner))
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

/** A time as text, down to Postgres' microseconds, and the same in every session. */
const exactly = (column: 'created_at' | 'updated_at') =>
  sql<string>`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** The query for all items after a position, the oldest first. */
export function selectItemsAfter(db: Db, owner: Owner, after: ItemPosition | undefined) {
  return db
    .selectFrom('item')
    .select(['id', 'sku', 'name', 'quantity', 'price_minor as priceMinor', 'version'])
    .select([exactly('created_at').as('createdAt'), exactly('updated_at').as('updatedAt')])
    .where(isOwn(owner))
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(created_at, id) > (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`,
      ),
    )
    .orderBy('created_at')
    .orderBy('id')
}

/** Changes an item that still has `version`; undefined when it has not, or is not there. */
export function updateItem(
  db: Db,
  { id, version, ...owner }: OwnItem & { readonly version: number },
  changes: Updateable<ItemTable>,
) {
  return db
    .updateTable('item')
    .set({ ...changes, version: sql`version + 1`, updated_at: sql`now()` })
    .where('id', '=', id)
    .where(isOwn(owner))
    .where('version', '=', version)
    .returning(columns)
    .executeTakeFirst()
}

/**
 * Locks those of these items that the owner has, for as long as the transaction takes. In one order:
 * two batches that want the same items, which exist, wait for each other, and never in a circle.
 * Those that create the same skus in another order may: Postgres refuses one, which runs again.
 */
export function lockItems(db: Db, { ids, ...owner }: Owner & { readonly ids: readonly string[] }) {
  return db
    .selectFrom('item')
    .select('id')
    .where('id', '=', sql<string>`any(${ids}::uuid[])`)
    .where(isOwn(owner))
    .orderBy('id')
    .forUpdate()
    .execute()
}

/** Returns the id of the deleted item; undefined when it was not there. */
export function deleteItem(db: Db, { id, ...owner }: OwnItem) {
  return db
    .deleteFrom('item')
    .where('id', '=', id)
    .where(isOwn(owner))
    .returning('id')
    .executeTakeFirst()
}

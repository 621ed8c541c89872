import { sql, type Insertable, type Updateable } from 'kysely'

import type { Db } from '@tautline/kit'

import type { ItemTable } from './tables.ts'

const columns = [
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
export interface OwnItem {
  readonly id: string
  readonly ownerId: string
}

/** Inserts an item. Violates `item_owner_sku_key` when the owner has the sku already. */
export function insertItem(db: Db, item: Insertable<ItemTable>) {
  return db.insertInto('item').values(item).returning(columns).executeTakeFirstOrThrow()
}

export function findItem(db: Db, { id, ownerId }: OwnItem) {
  return db
    .selectFrom('item')
    .select(columns)
    .where('id', '=', id)
    .where('owner_id', '=', ownerId)
    .executeTakeFirst()
}

/** Sort keys of an item, as text: a JavaScript date would cut Postgres' microseconds. */
export interface ItemPosition {
  readonly createdAt: string
  readonly id: string
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listItems(
  db: Db,
  { ownerId, after, limit }: { ownerId: string; after: ItemPosition | undefined; limit: number },
) {
  return db
    .selectFrom('item')
    .select([...columns, sql<string>`created_at::text`.as('position')])
    .where('owner_id', '=', ownerId)
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

/** Changes an item that still has `version`; undefined when it has not, or is not there. */
export function updateItem(
  db: Db,
  { id, ownerId, version }: OwnItem & { readonly version: number },
  changes: Updateable<ItemTable>,
) {
  return db
    .updateTable('item')
    .set({ ...changes, version: version + 1, updated_at: sql`now()` })
    .where('id', '=', id)
    .where('owner_id', '=', ownerId)
    .where('version', '=', version)
    .returning(columns)
    .executeTakeFirst()
}

/** Returns the id of the deleted item; undefined when it was not there. */
export function deleteItem(db: Db, { id, ownerId }: OwnItem) {
  return db
    .deleteFrom('item')
    .where('id', '=', id)
    .where('owner_id', '=', ownerId)
    .returning('id')
    .executeTakeFirst()
}

import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('item')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('owner_id', 'text', (column) => column.notNull())
    .addColumn('sku', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('quantity', 'integer', (column) => column.notNull())
    .addColumn('price_minor', 'bigint', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('item_owner_sku_key', ['owner_id', 'sku'])
    .addCheckConstraint('item_quantity_positive', sql`quantity >= 0`)
    .addCheckConstraint('item_price_positive', sql`price_minor >= 0`)
    .execute()
  // The order of `items.list`, so that every page costs the same.
  await db.schema
    .createIndex('item_owner_created')
    .on('item')
    .columns(['owner_id', 'created_at desc', 'id desc'])
    .execute()
}

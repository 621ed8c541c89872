import type { Kysely } from 'kysely'

/** An owner is a user of a tenant; the empty tenant is that of users who have none. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('item')
    .addColumn('tenant_id', 'text', (column) => column.notNull().defaultTo(''))
    .execute()
  await db.schema.alterTable('item').dropConstraint('item_owner_sku_key').execute()
  await db.schema
    .alterTable('item')
    .addUniqueConstraint('item_owner_sku_key', ['owner_id', 'tenant_id', 'sku'])
    .execute()
  await db.schema.dropIndex('item_owner_created').execute()
  await db.schema
    .createIndex('item_owner_created')
    .on('item')
    .columns(['owner_id', 'tenant_id', 'created_at desc', 'id desc'])
    .execute()
}

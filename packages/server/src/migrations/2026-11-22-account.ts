import { sql, type Kysely } from 'kysely'

/**
 * Accounts of users, and one of the system in each currency, which all money comes from: that one
 * alone may be below zero.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('account')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('owner_id', 'text', (column) => column.notNull())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull().defaultTo('user'))
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('balance_minor', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('frozen', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('closed_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint('account_kind', sql`kind in ('user', 'system')`)
    .addCheckConstraint('account_currency', sql`currency ~ '^[A-Z]{3}$'`)
    .addCheckConstraint('account_balance_covered', sql`balance_minor >= 0 or kind = 'system'`)
    .addCheckConstraint('account_closed_is_frozen', sql`frozen or closed_at is null`)
    .execute()
  // The order of `accounts.list`, so that every page costs the same.
  await db.schema
    .createIndex('account_owner_created')
    .on('account')
    .columns(['owner_id', 'tenant_id', 'created_at desc', 'id desc'])
    .execute()
  await db.schema
    .createIndex('account_system_currency')
    .unique()
    .on('account')
    .column('currency')
    .where(sql<boolean>`kind = 'system'`)
    .execute()
}

import { sql, type Kysely } from 'kysely'

/** How far an import is, and what was wrong with rows of it. A task's id is all that leads there. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('item_import')
    .addColumn('task_id', 'uuid', (column) => column.primaryKey())
    .addColumn('bytes', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('rows', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('created', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('updated', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('skipped', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('bad', 'bigint', (column) => column.notNull().defaultTo(0))
    // Each row of the file is one of these, and counted once.
    .addCheckConstraint('item_import_rows', sql`rows = created + updated + skipped + bad`)
    .execute()
  await db.schema
    .createTable('item_import_fault')
    .addColumn('task_id', 'uuid', (column) => column.notNull().references('item_import.task_id'))
    .addColumn('row_number', 'bigint', (column) => column.notNull())
    .addColumn('problem', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('item_import_fault_pkey', ['task_id', 'row_number'])
    .execute()
}

import type { Db } from '@tautline/kit'

export async function up(db: Db): Promise<void> {
  await db.schema
    .createTable('counter')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('value', 'integer', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('fill_run')
    .addColumn('key', 'text', (column) => column.notNull())
    .execute()
}

import type { Db } from '@tautline/kit'

/** Without any key: what is done twice is there twice. */
export async function up(db: Db): Promise<void> {
  await db.schema
    .createTable('placed')
    .addColumn('ref', 'text', (column) => column.notNull())
    .addColumn('task_id', 'uuid', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('chaos_effect')
    .addColumn('task_id', 'uuid', (column) => column.notNull())
    .addColumn('chunk', 'integer', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('chaos_effect_task').on('chaos_effect').column('task_id').execute()
  await db.schema
    .createTable('witness')
    .addColumn('task_id', 'uuid', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('what', 'text', (column) => column.notNull())
    .addColumn('pid', 'integer', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .execute()
}

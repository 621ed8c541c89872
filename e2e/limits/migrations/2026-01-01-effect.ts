import type { Db } from '@tautline/kit'

export async function up(db: Db): Promise<void> {
  await db.schema
    .createTable('limited_effect')
    .addColumn('way', 'text', (column) => column.notNull())
    .execute()
}

import { sql, type Kysely } from 'kysely'

/** Who was deleted a short while ago, and may have an access token that still works. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('deleted_user')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('deleted_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .execute()
}

import type { Kysely } from 'kysely'

/** The order of `users.list`, so that every page costs the same. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('user_created')
    .on('tautline.user')
    .columns(['created_at desc', 'id desc'])
    .execute()
}

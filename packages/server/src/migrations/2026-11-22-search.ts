import { sql, type Kysely } from 'kysely'

/**
 * What `items.search` and `users.search` look into: b-trees for what begins with a text, which even one
 * letter can ask, and GIN indexes for what is like it. The owner is part of the latter, so that the
 * words of others cost nothing. The trigrams are kept as an array, for which the index alone tells
 * which rows have them all: what `gin_trgm_ops` finds has to be compared row by row.
 *
 * It writes the indexes in one transaction, and until its end nobody else writes to the tables: for
 * 200,000 rows some 10 s. That is right for tables that are new. Where they are large and in use,
 * write these indexes by hand before, each with `create index concurrently`: they are left alone here.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create extension if not exists pg_trgm`.execute(db)
  await sql`create extension if not exists btree_gin`.execute(db)
  await sql`
    create index if not exists item_owner_name
    on item (owner_id, tenant_id, (lower(name) collate "C"), id)`.execute(db)
  await sql`
    create index if not exists item_owner_sku
    on item (owner_id, tenant_id, (lower(sku) collate "C"), id)`.execute(db)
  await sql`
    create index if not exists item_owner_words
    on item using gin (owner_id, tenant_id, show_trgm(name || ' ' || sku))`.execute(db)
  await sql`create index if not exists user_email on tautline.user ((lower(email) collate "C"), id)`.execute(
    db,
  )
  await sql`create index if not exists user_name on tautline.user ((lower(name) collate "C"), id)`.execute(
    db,
  )
  await sql`
    create index if not exists user_words
    on tautline.user using gin (show_trgm(name || ' ' || email))`.execute(db)
}

import { sql } from 'kysely'

import type { Db } from './database.ts'

/** What decides how Postgres words an expression, for this transaction. */
const settings = sql`
  select set_config('search_path', 'public', true), set_config('timezone', 'UTC', true),
    set_config('datestyle', 'ISO, YMD', true), set_config('intervalstyle', 'postgres', true),
    set_config('extra_float_digits', '1', true), set_config('quote_all_identifiers', 'off', true)`

/**
 * Reads what Postgres knows about a database: all of it as of one moment, with names as a query
 * writes them (`item`, `tautline.process`). Changes nothing.
 */
export function readCatalog<T>(db: Db, read: (db: Db) => Promise<T>): Promise<T> {
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel('repeatable read')
    .execute(async (transaction) => {
      await settings.execute(transaction)
      return read(transaction)
    })
}

/** The schemas that somebody made, and `public`; not that of pg-boss, which looks after its own. */
export const ownSchemas = sql`(
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname not in ('information_schema', 'tautline_boss')
)`

/** Oids in one catalog of what came with an extension: it is the extension's, and goes with it. */
export const ofExtensions = (catalog: 'pg_class' | 'pg_namespace' | 'pg_proc' | 'pg_type') => sql`(
  select objid from pg_depend where deptype = 'e' and classid = ${catalog}::regclass
)`

/**
 * The tables and views that somebody made. Partitions are left out, since they come and go with the
 * data, and so are the books that `db/migrations.ts` keeps.
 */
export const ownRelations = sql`(
  select c.oid, c.relname, c.relkind, c.relpersistence, s.nspname, c.oid::regclass::text as name
  from pg_class c
  join ${ownSchemas} s on s.oid = c.relnamespace
  where not c.relispartition
    and c.oid not in ${ofExtensions('pg_class')}
    and not (s.nspname = 'tautline' and c.relname ~ '_migration(_lock)?$')
)`

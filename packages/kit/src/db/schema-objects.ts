import { sql, type RawBuilder } from 'kysely'

import { ofExtensions, ownRelations, ownSchemas } from './catalog.ts'

/** A piece of a schema: what it belongs to (a table, or itself), and how SQL says it. */
export interface SchemaObject {
  readonly name: string
  readonly text: string
}

type Objects = RawBuilder<SchemaObject>

/** What goes by its name alone first. */
const byName = sql`c.nspname <> 'public', c.name collate "C"`

/** The major version of Postgres. */
export const postgres: Objects = sql`
  select 'postgres' as name, (current_setting('server_version_num')::int / 10000)::text as text`

export const extensions: Objects = sql`
  select extname as name, format('CREATE EXTENSION %I;', extname) as text
  from pg_extension where extname <> 'plpgsql'
  order by extname collate "C"`

export const schemas: Objects = sql`
  select nspname as name, format('CREATE SCHEMA %I;', nspname) as text
  from ${ownSchemas} s where nspname <> 'public' and oid not in ${ofExtensions('pg_namespace')}
  order by nspname collate "C"`

const compositeType = sql`
  format('CREATE TYPE %s AS (%s);', t.oid::regtype, (
    select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
      case when a.attcollation <> held.typcollation then 'COLLATE ' || a.attcollation::regcollation end),
      ', ' order by a.attnum)
    from pg_attribute a join pg_type held on held.oid = a.atttypid
    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped))`

const rangeType = sql`
  (select format('CREATE TYPE %s AS RANGE (%s);', t.oid::regtype, concat_ws(', ',
    'SUBTYPE = ' || r.rngsubtype::regtype, 'SUBTYPE_OPCLASS = ' || quote_ident(o.opcname),
    'COLLATION = ' || nullif(r.rngcollation, 0)::regcollation,
    'CANONICAL = ' || nullif(r.rngcanonical::oid, 0)::regproc,
    'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::oid, 0)::regproc,
    'MULTIRANGE_TYPE_NAME = ' || r.rngmultitypid::regtype))
  from pg_range r join pg_opclass o on o.oid = r.rngsubopc where r.rngtypid = t.oid)`

/** Enums, domains, composite types and ranges; the row types of tables are no types of their own. */
export const types: Objects = sql`
  select t.oid::regtype::text as name, case t.typtype
    when 'c' then ${compositeType}
    when 'r' then ${rangeType}
    when 'e' then format('CREATE TYPE %s AS ENUM (%s);', t.oid::regtype, (
      select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
      from pg_enum where enumtypid = t.oid))
    else concat_ws(' ', 'CREATE DOMAIN', t.oid::regtype, 'AS',
      format_type(t.typbasetype, t.typtypmod), 'DEFAULT ' || t.typdefault,
      case when t.typnotnull then 'NOT NULL' end, (
        select string_agg(format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid, true)),
          ' ' order by conname collate "C")
        from pg_constraint where contypid = t.oid and contype = 'c')) || ';'
    end as text
  from pg_type t join ${ownSchemas} s on s.oid = t.typnamespace
  left join pg_class c on c.oid = t.typrelid
  where (t.typtype in ('e', 'd', 'r') or c.relkind = 'c') and t.oid not in ${ofExtensions('pg_type')}
  order by t.oid::regtype::text collate "C"`

/** How a sequence counts, where it is not what CREATE SEQUENCE without a word would make. */
const counting = sql`concat_ws(' ',
  case when q.seqincrement <> 1 then 'INCREMENT BY ' || q.seqincrement end,
  case when q.seqmin <> 1 then 'MINVALUE ' || q.seqmin end,
  case when q.seqmax <> case q.seqtypid
    when 'smallint'::regtype then 32767
    when 'integer'::regtype then 2147483647
    else 9223372036854775807 end then 'MAXVALUE ' || q.seqmax end,
  case when q.seqstart <> q.seqmin then 'START WITH ' || q.seqstart end,
  case when q.seqcache <> 1 then 'CACHE ' || q.seqcache end,
  case when q.seqcycle then 'CYCLE' end)`

/** Those of identity columns stand with these, and those of partitions go with them. */
export const sequences: Objects = sql`
  select c.name, concat_ws(' ', 'CREATE SEQUENCE', c.name,
    case when q.seqtypid <> 'bigint'::regtype then 'AS ' || q.seqtypid::regtype end,
    nullif(${counting}, '')) || ';' as text
  from ${ownRelations} c join pg_sequence q on q.seqrelid = c.oid
  where not exists (
    select from pg_depend d left join pg_class owner on owner.oid = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid
      and (d.deptype = 'i' or d.deptype = 'a' and owner.relispartition))
  order by ${byName}`

/** Functions and procedures, each with all of its text, without those that a range type brings. */
export const functions: Objects = sql`
  select p.oid::regprocedure::text as name, rtrim(pg_get_functiondef(p.oid), E'\n') || ';' as text
  from pg_proc p join ${ownSchemas} s on s.oid = p.pronamespace
  where p.prokind in ('f', 'p') and p.oid not in ${ofExtensions('pg_proc')} and not exists (
    select from pg_depend
    where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'i')
  order by p.oid::regprocedure::text collate "C"`

/** The first and the last line of each table. */
export const tables: RawBuilder<SchemaObject & { readonly end: string }> = sql`
  select c.name,
    format('CREATE %sTABLE %s (',
      case when c.relpersistence = 'u' then 'UNLOGGED ' when c.relkind = 'f' then 'FOREIGN ' end,
      c.name) as text,
    concat(')', ' PARTITION BY ' || pg_get_partkeydef(c.oid), ';') as end
  from ${ownRelations} c where c.relkind in ('r', 'p', 'f')
  order by ${byName}`

/** In the order in which they were added. */
export const columns: Objects = sql`
  select c.name, concat_ws(' ',
    quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod),
    case when a.attcollation <> t.typcollation then 'COLLATE ' || a.attcollation::regcollation end,
    case a.attgenerated
      when 's' then format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, c.oid, true))
      when 'v' then format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(d.adbin, c.oid, true))
      else 'DEFAULT ' || pg_get_expr(d.adbin, c.oid, true)
    end,
    case a.attidentity
      when 'a' then 'GENERATED ALWAYS AS IDENTITY'
      when 'd' then 'GENERATED BY DEFAULT AS IDENTITY'
    end,
    (select '(' || nullif(${counting}, '') || ')'
      from pg_sequence q join pg_depend d on d.objid = q.seqrelid
      where d.classid = 'pg_class'::regclass and d.deptype = 'i' and d.refobjid = c.oid
        and d.refobjsubid = a.attnum),
    case when a.attnotnull then 'NOT NULL' end) as text
  from ${ownRelations} c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind in ('r', 'p', 'f')
  order by c.oid, a.attnum`

/**
 * Without NOT NULL, which columns say themselves: only Postgres 18 and later list it here too. Without
 * what a foreign key to a divided table has besides for each partition.
 */
export const constraints: Objects = sql`
  select c.name, format('CONSTRAINT %I %s', o.conname, pg_get_constraintdef(o.oid, true)) as text
  from ${ownRelations} c join pg_constraint o on o.conrelid = c.oid
  where o.contype in ('p', 'u', 'f', 'c', 'x') and o.conparentid = 0
  order by o.contype <> 'p', o.conname collate "C"`

/** Those that stand behind no constraint. */
export const indexes: Objects = sql`
  select c.name, concat(pg_get_indexdef(i.indexrelid, 0, true), ';',
    case when not i.indisvalid then ' -- not valid' end) as text
  from ${ownRelations} c
  join pg_index i on i.indrelid = c.oid
  join pg_class own on own.oid = i.indexrelid
  where not exists (
    select from pg_constraint
    where conindid = i.indexrelid and conrelid = c.oid and contype in ('p', 'u', 'x'))
  order by own.relname collate "C"`

export const triggers: Objects = sql`
  select c.name, concat(pg_get_triggerdef(t.oid, true), ';',
    case t.tgenabled when 'D' then ' -- disabled' when 'R' then ' -- only in replicas' end) as text
  from ${ownRelations} c join pg_trigger t on t.tgrelid = c.oid
  where not t.tgisinternal
  order by t.tgname collate "C"`

/** Their columns stand in the first line, since a query may be worded in more than one way. */
export const views: Objects = sql`
  select c.name, format(E'CREATE %sVIEW %s AS -- %s\n%s',
    case c.relkind when 'm' then 'MATERIALIZED ' end, c.name, (
      select string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', '
        order by attnum)
      from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
    pg_get_viewdef(c.oid, true)) as text
  from ${ownRelations} c where c.relkind in ('v', 'm')
  order by ${byName}`

import { sql } from 'kysely'

import { ownRelations, readCatalog } from './catalog.ts'
import { columnTypes, quoted, type ColumnKind } from './column-types.ts'
import type { Db } from './database.ts'

/** A column of a table, or of a view, which takes no values. */
interface Column extends ColumnKind {
  readonly schema: string
  readonly table: string
  readonly name: string
  readonly isNullable: boolean
  /** Who gives it its value: the statement, Postgres unless the statement does, or always Postgres. */
  readonly filledBy: 'statement' | 'default' | 'postgres'
}

/** What each type of the database is beneath its domains, and whether one of them forbids null. */
const baseTypes = sql`
  with recursive base as (
    select oid as root, oid, typbasetype, typnotnull, typdefault is not null as has_default
    from pg_type
    union all
    select base.root, t.oid, t.typbasetype, base.typnotnull or t.typnotnull,
      base.has_default or t.typdefault is not null
    from base join pg_type t on t.oid = base.typbasetype
  )`

const columns = sql<Column>`
  ${baseTypes}
  select c.nspname as schema, c.relname as table, a.attname as name,
    case coalesce(element.typnamespace, t.typnamespace)
      when 'pg_catalog'::regnamespace then coalesce(element.typname, t.typname) else '' end as type,
    element.oid is not null as "isArray",
    (select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid) as labels,
    not (a.attnotnull or base.typnotnull) as "isNullable",
    case
      when c.relkind in ('v', 'm') or a.attgenerated <> '' or a.attidentity = 'a' then 'postgres'
      when a.atthasdef or a.attidentity = 'd' or base.has_default then 'default'
      else 'statement'
    end as "filledBy"
  from ${ownRelations} c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join base on base.root = a.atttypid and base.typbasetype = 0
  join pg_type t on t.oid = base.oid
  left join pg_type element on element.oid = t.typelem and t.typcategory = 'A'
  where c.relkind in ('r', 'p', 'f', 'v', 'm')
  order by c.nspname <> 'public', c.nspname collate "C", c.relname collate "C", a.attnum`

/**
 * The members of an interface that types every table and view of some schemas, as our pool reads and
 * writes them, each line behind `indent`. Tables of schema `public` go by their name alone.
 */
export async function tableTypes(
  db: Db,
  { isTyped, indent }: { readonly isTyped: (schema: string) => boolean; readonly indent: string },
): Promise<string> {
  const { rows } = await readCatalog(db, (catalog) => columns.execute(catalog))
  const typed = rows.filter(({ schema }) => isTyped(schema))
  const tables = Map.groupBy(typed, ({ schema, table }) =>
    schema === 'public' ? table : `${schema}.${table}`,
  )
  const lines = [...tables].flatMap(([name, of]) => [
    `${key(name)}: {`,
    ...of.map((column) => `  ${key(column.name)}: ${typeOf(column)}`),
    '}',
  ])
  return lines.map((line) => `${indent}${line}\n`).join('')
}

function typeOf(column: Column): string {
  const types = columnTypes(column)
  const [read, write] = column.isNullable
    ? [orNull(types.read), orNull(types.write)]
    : [types.read, types.write]
  if (column.filledBy === 'postgres') return `GeneratedAlways<${read}>`
  if (read === write) return column.filledBy === 'default' ? `Generated<${read}>` : read
  const inserted = column.filledBy === 'default' ? `${write} | undefined` : write
  return `ColumnType<${read}, ${inserted}, ${write}>`
}

function orNull(type: string): string {
  return type === 'unknown' ? type : `${type} | null`
}

/** As the name of a member of an interface. */
function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoted(name)
}

/** Imports those types of Kysely that the text of `tableTypes` names. */
export function importsOf(types: string): string {
  const names = ['ColumnType', 'Generated', 'GeneratedAlways'].filter((name) =>
    types.includes(`${name}<`),
  )
  return names.length > 0 ? `import type { ${names.join(', ')} } from 'kysely'\n` : ''
}

/**
 * A whole file that types the tables of a database, for whoever begins with one that is there. Those
 * of the library type themselves.
 */
export async function databaseTypes(db: Db): Promise<string> {
  const types = await tableTypes(db, {
    isTyped: (schema) => schema !== 'tautline',
    indent: '    ',
  })
  // Without an import it would declare the module instead of adding to it.
  return `${importsOf(types) || 'export {}\n'}
declare module '@tautline/kit' {
  interface Database {
${types}  }
}
`
}

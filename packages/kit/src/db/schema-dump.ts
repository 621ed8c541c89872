import type { RawBuilder } from 'kysely'

import { readCatalog } from './catalog.ts'
import type { Db } from './database.ts'
import * as objects from './schema-objects.ts'

/** `postgresOf` reads the major version of Postgres in it. */
function headOf(major: string): string {
  return `-- Said by Postgres ${major}: the schema that all migrations together make, those of the library
-- too, to read, and for \`tautline db check\` to compare a database with. Derived: do not edit.`
}

/**
 * The schema of a database as SQL: extensions, schemas, types, sequences, functions, tables with
 * their columns, constraints, indexes and triggers, and views. The same schema gives the same text
 * on the same major version of Postgres, which the first line names; another may word queries
 * otherwise, those of views and of functions whose body is not quoted.
 *
 * Not in it: partitions, what a table inherits (`INHERITS`), owners, privileges, row security, comments,
 * aggregates, rules, extended statistics, base types, operators, casts, collations, text search,
 * options of tables, columns, indexes and views (`WITH`, storage, `security_invoker`), foreign servers,
 * event triggers, publications, and what extensions bring.
 */
export function dumpSchema(db: Db): Promise<string> {
  return readCatalog(db, async (catalog) => {
    const read = async <T>(statement: RawBuilder<T>) => (await statement.execute(catalog)).rows
    const texts = async (statement: RawBuilder<objects.SchemaObject>) =>
      (await read(statement)).map(({ text }) => text)
    const [said] = await read(objects.postgres)
    const lines = byTable([...(await read(objects.columns)), ...(await read(objects.constraints))])
    const besides = byTable([...(await read(objects.indexes)), ...(await read(objects.triggers))])
    const statements = [
      ...(await texts(objects.extensions)),
      ...(await texts(objects.schemas)),
      ...(await texts(objects.types)),
      ...(await texts(objects.sequences)),
      ...(await texts(objects.functions)),
      ...(await read(objects.tables)).flatMap(({ name, text, end }) => [
        `${text}\n${(lines.get(name) ?? []).map((line) => `  ${line}`).join(',\n')}\n${end}`,
        ...(besides.get(name) ?? []),
      ]),
      ...(await read(objects.views)).flatMap(({ name, text }) => [
        text,
        ...(besides.get(name) ?? []),
      ]),
    ]
    return [headOf(said?.text ?? ''), ...statements].map((statement) => `${statement}\n`).join('\n')
  })
}

function byTable(found: readonly objects.SchemaObject[]): Map<string, string[]> {
  const texts = Map.groupBy(found, ({ name }) => name)
  return new Map([...texts].map(([name, of]) => [name, of.map(({ text }) => inOneLine(text))]))
}

/** Postgres breaks the lines of a CASE. */
function inOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

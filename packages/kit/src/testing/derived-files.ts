import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { AppDefinition } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { dumpSchema } from '../db/schema-dump.ts'
import { importsOf, tableTypes } from '../db/table-types.ts'
import { openMigrated } from './migrated-database.ts'
import { sqlFiles } from './sql-files.ts'

/** A file that is committed so that its changes are seen, and says what the code says. */
export interface DerivedFile {
  readonly path: string
  readonly text: string
}

export interface DeriveOptions {
  /** Where the app's code is. */
  readonly folder: URL
  /** Files with statements that have no samples, as paths in the folder, each with the reason. */
  readonly excused?: Readonly<Record<string, string>>
}

/**
 * What is committed beside an app's code and must follow it, made from its migrations and queries on
 * a database of its own:
 *
 * - `schema.sql` in the folder of the migrations: the schema that they make;
 * - `generated/tables.test-d.ts`: a type test of what the tables hold against `Database`;
 * - `queries.sql` beside every `queries.ts`: what its functions send.
 *
 * A test compares, and `vitest -u` writes:
 *
 * ```ts
 * const files = await deriveFiles(app, { folder: new URL('./', import.meta.url) })
 * test.each(files)('$path is up to date', ({ path, text }) => expect(text).toMatchFileSnapshot(path))
 * ```
 */
export async function deriveFiles(
  definition: AppDefinition,
  { folder, excused = {} }: DeriveOptions,
): Promise<DerivedFile[]> {
  const root = fileURLToPath(folder)
  await using migrated = await openMigrated(definition)
  const { db } = migrated
  return [
    {
      path: fileURLToPath(new URL('schema.sql', definition.migrations)),
      text: await dumpSchema(db),
    },
    { path: join(root, 'generated/tables.test-d.ts'), text: await tablesTest(db, 'app') },
    ...(await sqlFiles(db, root, excused)),
  ]
}

/** Whose tables: each lane types its own. */
const LANES = {
  app: { isTyped: (schema: string) => schema !== 'tautline', typed: 'Exclude' },
  library: { isTyped: (schema: string) => schema === 'tautline', typed: 'Extract' },
} as const

/** The text of a type test that holds the tables of one lane to `Database`. */
export async function tablesTest(db: Db, lane: keyof typeof LANES): Promise<string> {
  const { isTyped, typed } = LANES[lane]
  const types = await tableTypes(db, { isTyped, indent: '  ' })
  return `// Derived from the migrated database: do not edit.
${importsOf(types)}
import type { Database } from '@tautline/kit'
import type { TableDrift } from '@tautline/kit/testing'

/** What the tables hold. */
interface Tables {
${types}}

type Typed = Pick<Database, ${typed}<keyof Database, \`tautline.\${string}\`>>

/** Does not compile while a type says otherwise; the error names the table and the column. */
export const drift: TableDrift<Typed, Tables> = 'none'
`
}

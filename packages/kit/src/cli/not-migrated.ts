import { databaseErrorCode } from '../db/errors.ts'
import { CliError } from './cli-error.ts'

/** 42P01 undefined_table, 42703 undefined_column, 3F000 invalid_schema_name. */
const NOT_MIGRATED = new Set(['42P01', '42703', '3F000'])

/** What was asked of the database; says so where it has no tables for `what` yet. */
export async function orNotMigrated<T>(what: string, asked: Promise<T>): Promise<T> {
  return asked.catch((cause: unknown) => {
    if (!NOT_MIGRATED.has(databaseErrorCode(cause) ?? '')) throw cause
    throw new CliError(`This database has no ${what} yet; run tautline migrate up.`, { cause })
  })
}

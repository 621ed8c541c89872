import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { readLanes } from '../app.ts'
import { readConfig } from '../config.ts'
import type { Db } from '../db/database.ts'
import { openDirect } from '../db/direct.ts'
import { migrationStatus } from '../db/migrations.ts'
import { otherWording, schemaDrift } from '../db/schema-drift.ts'
import { dumpSchema } from '../db/schema-dump.ts'
import { databaseTypes } from '../db/table-types.ts'
import { hasCode } from '../platform/embedded-postgres/errors.ts'
import { createLogger } from '../platform/logger.ts'
import { CliError } from './cli-error.ts'
import { provideDatabase } from './dev-database.ts'
import { loadApp } from './load-app.ts'

/** What `db check` compares with, in the folder of the app's migrations. */
const DUMP = 'schema.sql'

/** \`tautline db check [file] | dump | types\`. Without DATABASE_URL: the development database. */
export async function runDb(appPath: string, [action, file]: string[]): Promise<void> {
  switch (action) {
    case 'check':
      return check(appPath, file)
    case 'dump':
      return withDatabase(async (db) => void process.stdout.write(await dumpSchema(db)))
    case 'types':
      return withDatabase(async (db) => void process.stdout.write(await databaseTypes(db)))
    default:
      throw new CliError('Say what to do: db check, db dump or db types.')
  }
}

async function withDatabase(use: (db: Db) => Promise<void>): Promise<void> {
  await using database = await provideDatabase()
  const config = await readConfig({ ...process.env, ...database.environment })
  await using direct = openDirect(config.database, createLogger('warn'))
  await use(direct.db)
}

/** Prints how the database differs from the dump, and what is pending; then the process exits with 1. */
async function check(appPath: string, file: string | undefined): Promise<void> {
  const app = await loadApp(appPath)
  const path = file === undefined ? fileURLToPath(new URL(DUMP, app.migrations)) : resolve(file)
  const expected = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (!hasCode(cause, 'ENOENT')) throw cause
    throw new CliError(`There is no ${path}; say which dump of the schema to compare with.`, {
      cause,
    })
  })
  const lanes = await readLanes(app)
  await withDatabase(async (db) => {
    const statuses = await migrationStatus(db, lanes)
    const pending = statuses.filter(({ state }) => state === 'pending')
    const actual = await dumpSchema(db)
    const drift = schemaDrift(expected, actual)
    const leftOut = otherWording(expected, actual)
    if (leftOut !== undefined) say([leftOut])
    if (drift.length === 0 && pending.length === 0) {
      return say(['The database has the schema that the migrations make.'])
    }
    process.exitCode = 1
    say([
      'The database differs from what the migrations make.',
      '- is missing in it, + is there besides:',
      '',
      ...drift,
      ...pending.map(({ lane, name }) => `- the migration ${lane}/${name}`),
    ])
  })
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

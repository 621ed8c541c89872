import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { sql, type Kysely } from 'kysely'
import { describe, expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createTestDatabase, withDatabase } from '../testing/test-database.ts'
import { provideTestPostgres } from '../testing/test-postgres.ts'
import { openDirect } from './direct.ts'
import { migrateUp, migrationStatus, readMigrations, type Migrations } from './migrations.ts'

const creates = (table: string): Migrations[string] => ({
  up: (db: Kysely<unknown>) => db.schema.createTable(table).addColumn('id', 'int4').execute(),
})

/** An empty database and two lines to it. */
async function emptyDatabase() {
  const stack = new AsyncDisposableStack()
  const postgres = stack.use(await provideTestPostgres())
  const { name } = stack.use(await createTestDatabase(postgres.adminUrl, { library: {}, app: {} }))
  const open = () => {
    const config = {
      url: withDatabase(postgres.adminUrl, name),
      directUrl: undefined,
      poolSize: 1,
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 5_000,
    }
    return stack.use(openDirect(config, createLogger('silent'))).db
  }
  return { one: open(), other: open(), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

describe('migrations', () => {
  test('run once, in both lanes, and say what has run', async () => {
    await using database = await emptyDatabase()
    const lanes = { library: { lib_1: creates('lib') }, app: { app_1: creates('app') } }
    expect(await migrationStatus(database.one, lanes)).toMatchObject([
      { lane: 'library', name: 'lib_1', state: 'pending' },
      { lane: 'app', name: 'app_1', state: 'pending' },
    ])
    expect(await migrateUp(database.one, lanes)).toEqual(['library/lib_1', 'app/app_1'])
    expect(await migrateUp(database.one, lanes)).toEqual([])
    const states = await migrationStatus(database.one, lanes)
    expect(states.map(({ state }) => state)).toEqual(['applied', 'applied'])
  })

  test('that were merged late still run', async () => {
    await using database = await emptyDatabase()
    await migrateUp(database.one, { library: {}, app: { b: creates('b') } })
    const late = { library: {}, app: { a: creates('a'), b: creates('b') } }
    expect(await migrateUp(database.one, late)).toEqual(['app/a'])
  })

  test('of two processes at the same time run once', async () => {
    await using database = await emptyDatabase()
    const lanes = { library: {}, app: { a: creates('a'), b: creates('b') } }
    const done = await Promise.all([
      migrateUp(database.one, lanes),
      migrateUp(database.other, lanes),
    ])
    expect(done.flat().sort()).toEqual(['app/a', 'app/b'])
  })

  test('that fail change nothing and name the culprit', async () => {
    await using database = await emptyDatabase()
    const broken: Migrations[string] = { up: async (db) => void (await sql`nonsense`.execute(db)) }
    const lanes = { library: {}, app: { a: creates('a'), b: broken } }
    await expect(migrateUp(database.one, lanes)).rejects.toThrow('The migration b failed')
    const states = await migrationStatus(database.one, lanes)
    expect(states.map(({ state }) => state)).toEqual(['pending', 'pending'])
    await sql`create table a ()`.execute(database.one) // it is not there
  })

  test('are read from a folder in the order of their names, tests and declarations left out', async () => {
    const path = await mkdtemp(join(tmpdir(), 'tautline-migrations-'))
    const files = ['0002-b.ts', '0001-a.js', '0001-a.d.ts', '0001-a.test.ts', 'notes.md']
    for (const file of files) await writeFile(join(path, file), 'export function up() {}')
    const migrations = await readMigrations(pathToFileURL(`${path}/`))
    expect(Object.keys(migrations)).toEqual(['0001-a', '0002-b'])
    await writeFile(join(path, '0003-c.js'), 'export const down = 1')
    await expect(readMigrations(pathToFileURL(`${path}/`))).rejects.toThrow(
      'The migration 0003-c.js exports no function up.',
    )
    await rm(path, { recursive: true })
  })
})

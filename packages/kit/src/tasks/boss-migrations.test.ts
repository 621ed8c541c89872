import { sql } from 'kysely'
import { getConstructionPlans, getRollbackPlans } from 'pg-boss'
import { afterAll, expect, test } from 'vitest'

import { migrateUp, migrationStatus } from '../db/migrations.ts'
import { BOSS_VERSIONS, bossMigrations } from './boss-migrations.ts'
import { BOSS_SCHEMA } from './boss-schema.ts'
import { openTaskDatabase, taskLanes } from './worker-database.fixture.ts'

const database = await openTaskDatabase()
afterAll(() => database[Symbol.asyncDispose]())
const { db } = database

const newest = BOSS_VERSIONS[BOSS_VERSIONS.length - 1]

/** Runs every migration again, as if none had been. */
const migrateAgain = () =>
  db.transaction().execute(async (transaction) => {
    for (const migration of Object.values(bossMigrations)) {
      await migration.up(transaction)
    }
  })

const version = async () => {
  const { rows } = await sql<{ version: number }>`
    select version from tautline_boss.version`.execute(db)
  return rows
}

/** What pg-boss's tables, functions and indexes are. */
async function shape() {
  const { rows } = await sql<{ what: string }>`
    select format('%s.%s %s', table_name, column_name, data_type) as what
    from information_schema.columns where table_schema = ${BOSS_SCHEMA}
    union all select indexdef from pg_indexes where schemaname = ${BOSS_SCHEMA}
    union all select pg_get_functiondef(p.oid) from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace where n.nspname = ${BOSS_SCHEMA}`.execute(db)
  return rows.map(({ what }) => what.replaceAll(/\s+/g, ' ')).sort()
}

test('there is a migration for the schema of the pg-boss that is installed', () => {
  expect(getConstructionPlans(BOSS_SCHEMA)).toContain(`version(version) VALUES ('${newest}')`)
})

test('a fresh database has all of it, and nothing is left to do', async () => {
  expect(await version()).toEqual([{ version: newest }])
  const statuses = await migrationStatus(db, taskLanes)
  expect(statuses.filter(({ state }) => state === 'pending')).toEqual([])
  expect(await migrateUp(db, taskLanes)).toEqual([])
})

test('a migration that runs again changes nothing', async () => {
  const before = await shape()
  await migrateAgain()
  expect(await shape()).toEqual(before)
})

test('tables of an older pg-boss are brought to the version of the installed one', async () => {
  const before = await shape()
  const script = getRollbackPlans(BOSS_SCHEMA, newest)
  // oxlint-disable-next-line tautline/no-sql-raw -- pg-boss's own text
  await db.connection().execute((connection) => sql.raw(script).execute(connection))
  expect(await version()).toEqual([{ version: Number(newest) - 1 }])
  await migrateAgain()
  expect(await version()).toEqual([{ version: newest }])
  expect(await shape()).toEqual(before)
})

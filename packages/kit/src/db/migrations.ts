import { readdir } from 'node:fs/promises'

import { sql } from 'kysely'
import { Migrator, type Migration, type MigrationResultSet } from 'kysely/migration'

import type { Db } from './database.ts'
import { databaseErrorCode } from './errors.ts'

/** Migrations by name; the name decides the order. */
export type Migrations = Readonly<Record<string, Migration>>

/**
 * The two lanes of migrations: `library` is what the kit's features bring (schema `tautline`),
 * `app` is the backend's own folder (schema `public`). Neither waits for names of the other, so
 * that an upgrade of the library never collides with an owner's migration.
 */
export type Lane = 'library' | 'app'

export type Lanes = Readonly<Record<Lane, Migrations>>

const LANES: readonly Lane[] = ['library', 'app']

/** Schema of the bookkeeping, and of the library's own tables. */
const SCHEMA = 'tautline'

/** Reads a folder of migrations: one file each, `.ts` or, once built, `.js`. */
export async function readMigrations(folder: URL): Promise<Migrations> {
  const files = await readdir(folder)
  const names = files.filter((file) => /(?<!\.d|\.test)\.[jt]s$/.test(file)).sort()
  const entries = names.map(async (file) => {
    const migration: unknown = await import(new URL(file, folder).href)
    if (!isMigration(migration)) throw new Error(`The migration ${file} exports no function up.`)
    return [file.replace(/\.[jt]s$/, ''), migration] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function isMigration(module: unknown): module is Migration {
  return (
    typeof module === 'object' &&
    module !== null &&
    'up' in module &&
    typeof module.up === 'function'
  )
}

/** Brings both lanes up to date, under Kysely's advisory lock. Returns the names that ran. */
export async function migrateUp(direct: Db, lanes: Lanes): Promise<string[]> {
  const done: string[] = []
  for (const lane of LANES) {
    const results = await migrator(direct, lane, lanes[lane]).migrateToLatest()
    done.push(...succeeded(results).map((name) => `${lane}/${name}`))
  }
  return done
}

function migrator(direct: Db, lane: Lane, migrations: Migrations): Migrator {
  return new Migrator({
    db: direct,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableSchema: SCHEMA,
    migrationTableName: `${lane}_migration`,
    migrationLockTableName: `${lane}_migration_lock`,
    // Branches merge in any order; two features of the library know nothing of each other.
    allowUnorderedMigrations: true,
  })
}

function succeeded({ error, results = [] }: MigrationResultSet): string[] {
  if (error === undefined) return results.map((result) => result.migrationName)
  const failed = results.find((result) => result.status === 'Error')
  throw new Error(`The migration ${failed?.migrationName ?? 'run'} failed; nothing was changed.`, {
    cause: error,
  })
}

/** What a database has had of the migrations that the code brings. */
export interface MigrationStatus {
  readonly lane: Lane
  readonly name: string
  readonly state: 'applied' | 'pending'
}

/** Every migration of the code, with whether the database has had it. */
export async function migrationStatus(db: Db, lanes: Lanes): Promise<MigrationStatus[]> {
  const statuses: MigrationStatus[] = []
  for (const lane of LANES) {
    const applied = await appliedMigrations(db, lane)
    for (const name of Object.keys(lanes[lane]).sort()) {
      statuses.push({ lane, name, state: applied.has(name) ? 'applied' : 'pending' })
    }
  }
  return statuses
}

/** 42P01 undefined_table, 3F000 invalid_schema_name: nothing was ever migrated. */
const NEVER_MIGRATED = new Set(['42P01', '3F000'])

async function appliedMigrations(db: Db, lane: Lane): Promise<Set<string>> {
  try {
    const { rows } = await sql<{ name: string }>`
      select name from ${sql.table(`${SCHEMA}.${lane}_migration`)}`.execute(db)
    return new Set(rows.map((row) => row.name))
  } catch (error) {
    if (NEVER_MIGRATED.has(databaseErrorCode(error) ?? '')) return new Set()
    throw error
  }
}

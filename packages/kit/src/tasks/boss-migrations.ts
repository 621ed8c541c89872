import { sql, type Kysely } from 'kysely'

import type { Migrations } from '../db/migrations.ts'
import { BOSS_SCHEMA } from './boss-schema.ts'

/**
 * The schema versions of pg-boss that this library has been on. The last one is that of the
 * installed pg-boss; an upgrade with a new one adds it here, which makes it a migration.
 */
export const BOSS_VERSIONS = [43] as const

const current = BOSS_VERSIONS[BOSS_VERSIONS.length - 1] ?? 0

/**
 * pg-boss's tables, by `tautline migrate` alone. Each migration brings them to the version that the
 * installed pg-boss works with, so a fresh database has all of it by the first, and the others find
 * nothing left to do.
 */
export const bossMigrations: Migrations = Object.fromEntries(
  BOSS_VERSIONS.map((version) => [`tasks_boss_${version}`, { up }]),
)

async function up(db: Kysely<unknown>): Promise<void> {
  const { getConstructionPlans, getMigrationPlans } = await import('pg-boss') // only here: it is slow
  const version = await versionOf(db)
  const script =
    version === undefined
      ? getConstructionPlans(BOSS_SCHEMA)
      : version < current && getMigrationPlans(BOSS_SCHEMA, version)
  // oxlint-disable-next-line tautline/no-sql-raw -- in a migration; the text is pg-boss's own
  if (script) await sql.raw(withinTransaction(script)).execute(db)
  // Who has a job, and since when nothing was heard: asked every other second, over few rows. The
  // time itself is left out, so that a sign of life touches no index.
  await sql`
    create index if not exists tautline_job_active on tautline_boss.job_common (id)
    where state = 'active'`.execute(db)
}

/** The version of the tables that are there. */
async function versionOf(db: Kysely<unknown>): Promise<number | undefined> {
  const { rows: found } = await sql<{ exists: boolean }>`
    select to_regclass('tautline_boss.version') is not null as exists`.execute(db)
  if (!found[0]?.exists) return undefined
  const { rows } = await sql<{ version: number }>`
    select version from tautline_boss.version`.execute(db)
  return rows[0]?.version
}

/**
 * The scripts bring a transaction and limits of their own, for somebody who runs them by hand; they
 * would end that of the migration.
 */
function withinTransaction(script: string): string {
  return script
    .replaceAll(/^\s*(?:BEGIN|COMMIT|SET LOCAL \w+ = \d+);$/gm, '')
    .replaceAll('INDEX CONCURRENTLY', 'INDEX')
}

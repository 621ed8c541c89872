import { createHash } from 'node:crypto'

import { Kysely, PostgresDialect, sql } from 'kysely'
import { Client, Pool } from 'pg'

import type { Database } from '../db/database.ts'
import { migrateUp, type Lanes } from '../db/migrations.ts'

/** A migrated database that nobody else uses. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string
}

/**
 * Clones a database from a template, which is migrated once for each state of the migrations.
 * Cloning takes some 50 ms where migrating takes seconds as a backend grows.
 */
export async function createTestDatabase(adminUrl: string, lanes: Lanes): Promise<TestDatabase> {
  const template = await ensureTemplate(adminUrl, lanes)
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  await asAdmin(adminUrl, (admin) => admin.query(`create database ${name} template ${template}`))
  return {
    name,
    async [Symbol.asyncDispose]() {
      await asAdmin(adminUrl, (admin) => admin.query(`drop database ${name} with (force)`))
    },
  }
}

/** The same connection string, to another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

async function ensureTemplate(adminUrl: string, lanes: Lanes): Promise<string> {
  const template = `template_${fingerprint(lanes)}`
  await asAdmin(adminUrl, async (admin) => {
    // Workers of one run ask at the same time; one of them makes it. Freed with the session.
    await admin.query('select pg_advisory_lock(hashtext($1))', [template])
    const { rowCount } = await admin.query('select 1 from pg_database where datname = $1', [
      template,
    ])
    if (rowCount) return
    const unfinished = `${template}_new`
    await admin.query(`drop database if exists ${unfinished} with (force)`)
    await admin.query(`create database ${unfinished}`)
    await migrate(withDatabase(adminUrl, unfinished), lanes)
    await admin.query(`alter database ${unfinished} rename to ${template}`)
  })
  return template
}

function fingerprint(lanes: Lanes): string {
  const hash = createHash('sha256')
  for (const [lane, migrations] of Object.entries(lanes)) {
    for (const [name, migration] of Object.entries(migrations)) {
      hash.update(`${lane}/${name}:${migration.up.toString()}\n`)
    }
  }
  return hash.digest('hex').slice(0, 16)
}

async function migrate(url: string, lanes: Lanes): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  try {
    await migrateUp(db, lanes)
    await sql`analyze`.execute(db)
  } finally {
    await db.destroy()
  }
}

async function asAdmin<T>(adminUrl: string, run: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: adminUrl })
  admin.on('error', () => {}) // a lost connection fails the query that is under way
  await admin.connect()
  try {
    return await run(admin)
  } finally {
    await admin.end()
  }
}

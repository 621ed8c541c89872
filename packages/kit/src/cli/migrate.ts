import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { readLanes } from '../app.ts'
import { readConfig } from '../config.ts'
import { openDirect } from '../db/direct.ts'
import { migrateUp, migrationStatus } from '../db/migrations.ts'
import { createLogger } from '../platform/logger.ts'
import { CliError } from './cli-error.ts'
import { provideDatabase } from './dev-database.ts'
import { loadApp } from './load-app.ts'

const TEMPLATE = `import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('…').execute()
}
`

/** \`tautline migrate up | status | new <name>\`. Without DATABASE_URL: the development database. */
export async function runMigrate(appPath: string, [action, name]: string[]): Promise<void> {
  switch (action) {
    case 'up':
      return withDatabase(appPath, async (db, lanes) => {
        const done = await migrateUp(db, lanes)
        say(done.length > 0 ? done.map((migration) => `applied ${migration}`) : ['nothing to do'])
      })
    case 'status':
      return withDatabase(appPath, async (db, lanes) => {
        const statuses = await migrationStatus(db, lanes)
        say(statuses.map(({ state, lane, name: of }) => `${state.padEnd(8)} ${lane}/${of}`))
      })
    case 'new':
      return writeMigration(appPath, name)
    default:
      throw new CliError('Say what to do: migrate up, migrate status or migrate new <name>.')
  }
}

type Use = (
  db: Parameters<typeof migrateUp>[0],
  lanes: Parameters<typeof migrateUp>[1],
) => Promise<void>

async function withDatabase(appPath: string, use: Use): Promise<void> {
  await using database = await provideDatabase()
  const config = await readConfig({ ...process.env, ...database.environment })
  const lanes = await readLanes(await loadApp(appPath))
  await using direct = openDirect(config.database, createLogger('warn'))
  await use(direct.db, lanes)
}

async function writeMigration(appPath: string, name: string | undefined): Promise<void> {
  if (!name || !/^[a-z0-9-]+$/.test(name)) {
    throw new CliError('A migration is named in kebab-case: tautline migrate new add-notes')
  }
  const { migrations } = await loadApp(appPath)
  const day = new Date().toISOString().slice(0, 10)
  const file = new URL(`${day}-${name}.ts`, migrations)
  await writeFile(file, TEMPLATE, { flag: 'wx' })
  say([`wrote ${fileURLToPath(file)}`])
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

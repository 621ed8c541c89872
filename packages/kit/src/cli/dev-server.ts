import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

import { sql } from 'kysely'

import type { AppDefinition } from '../app-definition.ts'
import { createApp, readLanes, type App } from '../app.ts'
import { readConfig, type Config } from '../config.ts'
import { openDirect } from '../db/direct.ts'
import { migrateUp, type Lanes } from '../db/migrations.ts'
import { hasCode } from '../platform/embedded-postgres/errors.ts'
import { createLogger } from '../platform/logger.ts'
import { loadApp } from './load-app.ts'
import { closeOnStop } from './run-until-stopped.ts'

/** What the server of `dev` tells its supervisor. */
export type DevMessage =
  | { readonly type: 'loaded'; readonly files: readonly string[] }
  | { readonly type: 'ready'; readonly url: string; readonly hints: readonly string[] }
  | { readonly type: 'port-taken' }

/**
 * The part of `dev` that is started anew after an edit: migrates, seeds, serves. It reports which
 * files it is made of, so that the supervisor knows what to watch, and ends with the supervisor.
 */
export async function runDevServer(appPath: string): Promise<void> {
  process.on('disconnect', leave)
  await readConfig() // what is wrong here no edit can mend, so it comes before any file is watched
  const { definition, lanes } = await load(appPath)
  const config = await readConfig(process.env, definition)
  await migrate(config, lanes)
  const app = await createApp(definition, config)
  process.off('disconnect', leave)
  closeOnStop(app)
  try {
    const hints = await seed(definition, app, config)
    const url = await app.listen()
    tell({ type: 'ready', url, hints })
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) tell({ type: 'port-taken' })
    await app.close()
    throw error
  }
}

/** Before there is anything to close. */
function leave(): void {
  process.exit()
}

async function load(appPath: string) {
  const files = recordLoadedFiles()
  try {
    const definition = await loadApp(appPath)
    return { definition, lanes: await readLanes(definition) }
  } finally {
    tell({ type: 'loaded', files: [...files] })
  }
}

async function migrate(config: Config, lanes: Lanes): Promise<void> {
  const log = createLogger(config.logLevel)
  await using direct = openDirect(config.database, log)
  for (const name of await migrateUp(direct.db, lanes)) log.info({ migration: name }, 'migrated')
}

/** In turn, because a seed that finds nothing and then inserts cannot bear another beside it. */
async function seed(
  definition: AppDefinition,
  { resources }: App,
  config: Config,
): Promise<readonly string[]> {
  await using direct = openDirect(config.database, resources.log)
  return await direct.db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext('tautline seed'))`.execute(transaction)
    const hints = await definition.seed?.(resources, `http://${config.host}:${config.port}`)
    return hints ?? []
  })
}

/** The source files that this process loads from now on, packages left out. */
function recordLoadedFiles(): ReadonlySet<string> {
  const files = new Set<string>()
  registerHooks({
    load(url, context, next) {
      if (url.startsWith('file:') && !url.includes('/node_modules/')) files.add(fileURLToPath(url))
      return next(url, context)
    },
  })
  return files
}

function tell(message: DevMessage): void {
  process.send?.(message)
}

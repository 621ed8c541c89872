import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

import { createApp, readLanes } from '../app.ts'
import { readConfig, type Config } from '../config.ts'
import { openDirect } from '../db/direct.ts'
import { migrateUp, type Lanes } from '../db/migrations.ts'
import { createLogger } from '../platform/logger.ts'
import { loadApp } from './load-app.ts'
import { closeOnStop } from './run-until-stopped.ts'

/** What the server of `dev` tells its supervisor. */
export type DevMessage =
  | { readonly type: 'loaded'; readonly files: readonly string[] }
  | { readonly type: 'ready'; readonly url: string; readonly hints: readonly string[] }

/**
 * The part of `dev` that is started anew after an edit: migrates, seeds, serves. It reports which
 * files it is made of, so that the supervisor knows what to watch.
 */
export async function runDevServer(appPath: string): Promise<void> {
  const files = recordLoadedFiles()
  try {
    const config = await readConfig()
    const definition = await loadApp(appPath)
    await migrate(config, await readLanes(definition))
    const app = await createApp(definition, config)
    closeOnStop(app)
    const baseUrl = `http://${config.host}:${config.port}`
    const hints = (await definition.seed?.(app.resources, baseUrl)) ?? []
    const url = await app.listen()
    tell({ type: 'ready', url, hints })
  } finally {
    tell({ type: 'loaded', files: [...files] })
  }
}

async function migrate(config: Config, lanes: Lanes): Promise<void> {
  const log = createLogger(config.logLevel)
  await using direct = openDirect(config.database, log)
  for (const name of await migrateUp(direct.db, lanes)) log.info({ migration: name }, 'migrated')
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

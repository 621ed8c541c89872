import { createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { loadApp } from './load-app.ts'
import { closeOnStop } from './run-until-stopped.ts'

/** Serves the app as the environment configures it. */
export async function runStart(appPath: string): Promise<void> {
  const definition = await loadApp(appPath)
  const config = await readConfig(process.env, definition)
  const app = await createApp(definition, config)
  closeOnStop(app)
  const url = await app.listen()
  const { log } = app.resources
  log.info({ url, version: definition.version }, 'listening')
  if (!config.redis)
    log.info('no Redis: each process counts its limits and keeps its cache by itself')
}

import { tasksOf } from '../app-tasks.ts'
import { createApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { CliError } from './cli-error.ts'
import { loadApp } from './load-app.ts'
import { closeOnStop } from './run-until-stopped.ts'

/** As long as a timer can wait. */
const FOR_EVER_MS = 2 ** 31 - 1

/** Runs the tasks of the app, and answers nobody. */
export async function runWorker(appPath: string): Promise<void> {
  const definition = await loadApp(appPath)
  const config = await readConfig(process.env, definition)
  const tasks = tasksOf(definition.features)
  if (tasks.length === 0) throw new CliError(`${definition.name} has no tasks to work on.`)
  const app = await createApp(definition, config)
  closeOnStop(app)
  // While the database is away nothing else keeps the process alive; `closeOnStop` ends it.
  setInterval(() => {}, FOR_EVER_MS)
  app.work()
  const { log } = app.resources
  log.info({ tasks: tasks.map(({ name }) => name), version: definition.version }, 'working')
}

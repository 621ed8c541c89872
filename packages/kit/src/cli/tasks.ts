import { z } from 'zod'

import { isFailure, taskStates, type TaskState } from '@tautline/shared'

import type { AppDefinition } from '../app-definition.ts'
import { openTaskEngine } from '../app-tasks.ts'
import { readConfig } from '../config.ts'
import type { Db } from '../db/database.ts'
import { openDirect } from '../db/direct.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import type { AnyTask } from '../task-types.ts'
import type { TaskEngine } from '../tasks/engine.ts'
import { findAnyTask, listAllTasks } from '../tasks/operator-rows.ts'
import { CliError } from './cli-error.ts'
import { columns } from './columns.ts'
import { provideDatabase } from './dev-database.ts'
import { loadApp } from './load-app.ts'
import { orNotMigrated } from './not-migrated.ts'

/** Tasks that are listed at most. */
const MOST = 100

const HEAD = ['id', 'name', 'owner', 'state', 'attempt', 'finished', 'error']

const CHANGES = { retry, cancel }

/**
 * `tautline tasks list [--state dead] | retry <id> | cancel <id>`: tasks of anybody, also those that
 * nobody owns. Without DATABASE_URL: those of the development database.
 */
export async function runTasks(
  appPath: string,
  [action, id, ...rest]: string[],
  state?: string,
): Promise<void> {
  if (action === 'list') {
    if (id !== undefined) throw new CliError('Say tautline tasks list, or with --state dead.')
    return list(state === undefined ? undefined : stateOf(state))
  }
  if (action !== 'retry' && action !== 'cancel') {
    throw new CliError('Say what to do: tasks list, tasks retry <id> or tasks cancel <id>.')
  }
  if (id === undefined || rest.length > 0) {
    throw new CliError(`Say which task: tautline tasks ${action} <id>`)
  }
  if (!z.guid().safeParse(id).success) {
    throw new CliError(`The id of a task is a UUID; ${JSON.stringify(id)} is none.`)
  }
  const app = await loadApp(appPath)
  await withDatabase(async (db, log) => {
    const task = await orNotMigrated('tasks', findAnyTask(db, id))
    if (!task) throw new CliError(`There is no task ${id}.`)
    const done = await withEngine(app, { db, log }, (engine) => CHANGES[action](db, task, engine))
    process.stdout.write(`${task.name} ${id} ${done}\n`)
  })
}

function stateOf(text: string): TaskState {
  const state = taskStates.find((known) => known === text)
  if (state) return state
  throw new CliError(`A task is ${taskStates.join(', ')}; ${JSON.stringify(text)} is none of them.`)
}

async function list(state: TaskState | undefined): Promise<void> {
  await withDatabase(async (db) => {
    const tasks = await orNotMigrated('tasks', listAllTasks(db, { state, limit: MOST }))
    const rows = tasks.map(({ id, name, owner, state: is, attempt, finishedAt, error }) =>
      [
        id,
        name,
        owner ?? '-',
        is,
        String(attempt),
        finishedAt?.toISOString() ?? '-',
        error ?? '-',
      ].map((cell) => cell.replaceAll(/\p{Cc}+/gu, ' ')),
    )
    for (const line of columns([HEAD, ...rows])) process.stdout.write(`${line}\n`)
    if (rows.length === MOST) process.stdout.write(`These are the first ${MOST}.\n`)
  })
}

async function retry(db: Db, task: FoundTask, engine: TaskEngine): Promise<string> {
  await engine.open()
  const outcome = await engine.control.redrive(db, task)
  switch (outcome.is) {
    case 'queued':
      return 'is queued, with all its tries'
    case 'refused':
      throw new CliError(
        `This task is ${outcome.state}. Only one that is failed, dead or cancelled is tried again, ` +
          `by a backend that has the task ${task.name}.`,
      )
    case 'duplicate':
      throw new CliError(`Another task is in its place, and not finished: ${outcome.of}.`)
    case 'unknown':
      throw new CliError(`There is no task ${task.id} any more.`)
  }
}

async function cancel(db: Db, task: FoundTask, engine: TaskEngine): Promise<string> {
  const outcome = await engine.control.cancel(db, task)
  switch (outcome.is) {
    case 'ended':
      return 'is cancelled'
    case 'asked':
      return 'is told to end; whoever runs it hears within a second'
    case 'finished':
      throw new CliError(`This task has ended already: it is ${outcome.state}.`)
    case 'unknown':
      throw new CliError(`There is no task ${task.id} any more.`)
  }
}

interface FoundTask extends AnyTask {
  readonly name: string
}

async function withDatabase(use: (db: Db, log: Logger) => Promise<void>): Promise<void> {
  await using database = await provideDatabase()
  const config = await readConfig({ ...process.env, ...database.environment })
  const log = createLogger('warn')
  await using direct = openDirect(config.database, log)
  await use(direct.db, log)
}

/** The engine of the app, which runs nothing. What the engine refuses is said in its own words. */
async function withEngine<T>(
  { name, features }: AppDefinition,
  parts: { readonly db: Db; readonly log: Logger },
  use: (engine: TaskEngine) => Promise<T>,
): Promise<T> {
  const engine = openTaskEngine({ features, ...parts, metrics: createMetrics() })
  if (!engine) throw new CliError(`${name} has no feature tasks().`)
  try {
    return await use(engine)
  } catch (error) {
    throw isFailure(error) ? new CliError(error.message, { cause: error }) : error
  } finally {
    await engine.stop()
  }
}

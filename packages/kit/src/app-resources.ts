import type { AppDefinition } from './app-definition.ts'
import { openFiles } from './app-files.ts'
import { openSettings } from './app-settings.ts'
import { noTasks, openTaskEngine } from './app-tasks.ts'
import type { Config } from './config.ts'
import { checkCapacity } from './db/capacity.ts'
import { NoConnectionError } from './db/errors.ts'
import { openDatabase } from './db/open.ts'
import { observePool } from './db/pool-figures.ts'
import { openPool, primePool } from './db/pool.ts'
import type { Clock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'
import { createSecrets } from './platform/secrets.ts'
import type { Shutdown } from './platform/shutdown.ts'
import { startPressureGauge, type PressureGauge } from './policies/admission/pressure.ts'
import { createOutgoing } from './policies/outgoing/outgoing.ts'
import type { Resources } from './resources.ts'
import type { TaskEngine } from './tasks/engine.ts'

export interface ResourceParts {
  readonly definition: AppDefinition
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly shutdown: Shutdown
}

/** What procedures may use, and how hard this process is pressed. */
export interface OpenResources {
  readonly resources: Resources
  readonly pressure: PressureGauge
  /** In a backend with tasks. */
  readonly engine: TaskEngine | undefined
}

/** Opens the database and what else procedures use. Closing it is left to `shutdown`. */
export async function openResources(parts: ResourceParts): Promise<OpenResources> {
  const { definition, config, log, metrics, clock, shutdown } = parts
  const settings = openSettings(definition, config)
  const pool = openPool(config.database, log)
  shutdown.add('database', () => pool.end())
  const countWait = observePool(pool, metrics)
  const pressure = startPressureGauge({ clock, metrics })
  shutdown.add('pressure', async () => pressure.close())
  const db = openDatabase(pool, config.database, (wait) => {
    countWait(wait)
    pressure.countPoolWait(wait.waitedMs)
  })
  const secrets = createSecrets(config.secret, config.previousSecret)
  const outgoing = createOutgoing({ log, metrics, clock, allow: config.outgoing.allow })
  shutdown.add('outgoing', () => outgoing.close())
  // Each connection takes time that the first calls under load do not have.
  if (await checkPool(config, log)) await primePool(pool)
  const { features } = definition
  const files = await openFiles({ features, folder: config.files.folder, db, log, metrics })
  const engine = openTaskEngine({ features: definition.features, db, log, metrics })
  const tasks = engine?.control ?? noTasks
  return {
    resources: { db, log, metrics, clock, secrets, settings, outgoing, files, tasks },
    pressure,
    engine,
  }
}

/**
 * A pool too large for Postgres stops the start; a Postgres that is away for now does not. Returns
 * whether it is there.
 */
async function checkPool(config: Config, log: Logger): Promise<boolean> {
  try {
    await checkCapacity(config.database, config.processes)
    return true
  } catch (error) {
    if (!(error instanceof NoConnectionError)) throw error
    log.warn({ err: error }, 'the database is away; /readyz will say when it is back')
    return false
  }
}

import type { AppDefinition } from './app-definition.ts'
import { createLoops } from './app-loops.ts'
import { attemptCache } from './app-tasks.ts'
import type { Config } from './config.ts'
import type { Notifications } from './db/notifications.ts'
import type { Shutdown } from './platform/shutdown.ts'
import type { Cache } from './policies/cache/cache.ts'
import type { Resources } from './resources.ts'
import type { TaskEngine } from './tasks/engine.ts'

/** Of the time to stop, what tasks that were told to end have for that, in milliseconds. */
const GIVE_BACK_MS = 4_000

export interface WorkParts {
  readonly definition: AppDefinition
  readonly config: Config
  readonly resources: Resources
  readonly engine: TaskEngine | undefined
  readonly notifications: Notifications
  readonly cache: Cache
  readonly shutdown: Shutdown
}

/** What a process does by itself, whether or not it answers anybody. */
export interface Work {
  /** Begins what comes round, and to run tasks where it `runsTasks`. */
  start(options: { readonly runsTasks: boolean }): void
  /**
   * Said when the process begins to stop: it takes no more tasks, and those that run have the time that
   * calls have, beside them. Calls may still enqueue until they have ended.
   */
  beginDrain(): void
}

/** Makes the queues, and begins nothing yet. Its end is left to `shutdown`. */
export async function openWork(parts: WorkParts): Promise<Work> {
  const { definition, config, resources, engine, notifications, cache, shutdown } = parts
  let workEnded: Promise<unknown> | undefined
  let started = false
  shutdown.add('tasks', async () => {
    await (workEnded ?? engine?.stopWork({ timeoutMs: 0 }))
    await engine?.stop()
  })
  const loops = createLoops({
    definition,
    resources,
    database: config.database,
    engineLoops: engine?.loops ?? {},
  })
  shutdown.add('loops', loops.stop)
  await engine?.open()
  return {
    start({ runsTasks }) {
      if (!started) loops.start()
      started = true
      if (runsTasks) {
        const { db } = resources
        engine?.work({ resources: { ...resources, cache: attemptCache(cache, db) }, notifications })
      }
    },
    beginDrain() {
      workEnded ??= engine?.stopWork({
        timeoutMs: Math.max(config.drainTimeoutMs - GIVE_BACK_MS, 0),
      })
      workEnded?.catch(() => {}) // told when it is waited for
    },
  }
}

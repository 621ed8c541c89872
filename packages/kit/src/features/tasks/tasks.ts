import type { Migrations } from '../../db/migrations.ts'
import { limitPolicies, type FeatureLimits } from '../../rpc/feature-limits.ts'
import { bossMigrations } from '../../tasks/boss-migrations.ts'
import type { TaskBounds } from '../../tasks/engine.ts'
import { taskMigrations } from '../../tasks/migrations.ts'
import { createTasksRouter } from './router.ts'

export interface TasksOptions {
  /**
   * Tasks of one user that may be unfinished at the same time; one more is refused with
   * `TOO_MANY_TASKS`. The backend's own have no such bound. Default 1,000.
   */
  readonly maxUnfinished?: number
  /** How long a task is kept once it has ended, with its events, in milliseconds. Default 30 days. */
  readonly keptMs?: number
  /** Streams that one user may have open in one process, of all subscriptions together. Default 5. */
  readonly streams?: number
  readonly limits?: FeatureLimits
}

/** The feature `tasks`. */
export interface TasksFeature {
  readonly router: ReturnType<typeof createTasksRouter>
  readonly migrations: Migrations
  readonly taskBounds: TaskBounds
}

const DAY_MS = 24 * 60 * 60_000

/**
 * Background work: the tables, the queues, and what owners of tasks may ask. A backend whose features
 * declare tasks has it as its feature `tasks`.
 */
export function tasks(options: TasksOptions = {}): TasksFeature {
  const { maxUnfinished = 1_000, keptMs = 30 * DAY_MS, streams } = options
  return {
    router: createTasksRouter({ streams, ...limitPolicies(options.limits) }),
    migrations: { ...taskMigrations, ...bossMigrations },
    taskBounds: { maxUnfinished, keptMs },
  }
}

import type { Feature } from './app-definition.ts'
import type { Db } from './db/database.ts'
import type { Notifications } from './db/notifications.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'
import type { Cache } from './policies/cache/cache.ts'
import { createInvalidations } from './rpc/invalidations.ts'
import type { TaskControl, TaskWatcher } from './task-types.ts'
import type { AttemptCache } from './tasks/attempt-context.ts'
import { findTaskContradictions } from './tasks/checks.ts'
import type { Task } from './tasks/definition.ts'
import { createTaskEngine, type TaskBounds, type TaskEngine } from './tasks/engine.ts'
import { createTaskReaders, type TaskReaders } from './tasks/follow.ts'

type Features = Readonly<Record<string, Feature>>

/** The noun of the feature `tasks()`: clients ask for `tasks.watch`. */
const NOUN = 'tasks'

/** The tasks of all features. */
export function tasksOf(features: Features): Task[] {
  return Object.values(features).flatMap(({ tasks = [] }) => tasks)
}

/** The bounds of them; undefined in a backend without tasks. */
function boundsOf(features: Features): TaskBounds | undefined {
  return features[NOUN]?.taskBounds
}

/**
 * Contradictions in the tasks of a backend, one sentence each. One that has tasks must have the feature
 * `tasks()`: it brings their tables, and without it nobody could see, cancel or retry what fails.
 */
export function findTaskMistakes(features: Features): string[] {
  const tasks = tasksOf(features)
  const misnamed = Object.keys(features).filter(
    (noun) => noun !== NOUN && features[noun]?.taskBounds !== undefined,
  )
  const isMissing = tasks.length > 0 && misnamed.length === 0 && !boundsOf(features)
  return [
    ...misnamed.map((noun) => `${noun}: the feature tasks() is to be the feature ${NOUN}`),
    ...(isMissing
      ? ['there are tasks, but no feature tasks(): features: { tasks: tasks(), … }']
      : []),
    ...findTaskContradictions(tasks),
  ]
}

export interface EngineParts {
  readonly features: Features
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
}

/** The engine of a backend that has the feature `tasks()`. */
export function openTaskEngine({ features, ...parts }: EngineParts): TaskEngine | undefined {
  const bounds = boundsOf(features)
  const onEnd = Object.values(features).flatMap(({ onTasksEnd }) => onTasksEnd ?? [])
  return bounds && createTaskEngine({ ...parts, tasks: tasksOf(features), bounds, onEnd })
}

/** The cache, as the transactions of a task make what it keeps invalid. */
export function attemptCache(cache: Cache, db: Db): AttemptCache {
  const invalidations = createInvalidations(cache)
  return {
    around: (transact, run) => invalidations.around(transact, run),
    async invalidate(tags) {
      if (invalidations.isOpen) invalidations.note(tags)
      else await cache.purge(tags, db)
    },
  }
}

/** What stands for it elsewhere. */
export const noTasks: TaskControl = {
  accept: () => Promise.reject(new Error('This backend has no feature tasks().')),
  cancel: async () => ({ is: 'unknown' }),
  redrive: async () => ({ is: 'unknown' }),
}

/** What tells the events of tasks, in a backend that has the feature `tasks()`. */
export function openTaskReaders({
  features,
  ...parts
}: EngineParts & { readonly notifications: Notifications }): TaskReaders | undefined {
  return boundsOf(features) && createTaskReaders(parts)
}

/** What stands for it elsewhere. */
export const noTaskEvents: TaskWatcher = {
  watch() {
    throw new Error('This backend has no feature tasks().')
  },
}

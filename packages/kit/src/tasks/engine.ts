import type { Db } from '../db/database.ts'
import type { Notifications, Subscription } from '../db/notifications.ts'
import { inTransaction } from '../db/transaction.ts'
import { offBudget } from '../platform/call-scope.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { TaskControl } from '../task-types.ts'
import { createAcceptor, type Acceptor, type AcceptorParts } from './accept.ts'
import type { AttemptResources } from './attempt-context.ts'
import { QUEUE_CHANNEL } from './boss-schema.ts'
import { createBoss, type Boss } from './boss.ts'
import { cancelTask } from './cancel-task.ts'
import type { Task } from './definition.ts'
import type { EndParts } from './ended.ts'
import { engineLoops, type EngineLoop } from './engine-loops.ts'
import { WISH_CHANNEL } from './events.ts'
import { redriveTask } from './redrive.ts'
import { startWorker, type Worker } from './worker.ts'

/** Bounds of the tasks of a backend. */
export interface TaskBounds {
  /** Tasks of one owner that may be unfinished at the same time. */
  readonly maxUnfinished: number
  /** How long a task is kept once it has ended, with its events, in milliseconds. */
  readonly keptMs: number
}

export interface TaskEngineParts extends EndParts {
  readonly db: Db
  readonly metrics: Metrics
  readonly tasks: readonly Task[]
  readonly bounds: TaskBounds
}

/** What running tasks takes beside what there is before. */
export interface WorkParts {
  readonly resources: AttemptResources
  readonly notifications: Pick<Notifications, 'listen'>
}

/** All that tasks need of one process: the way in, the worker, and what comes round. */
export interface TaskEngine {
  readonly control: TaskControl
  /** What is to be done again and again, also in a process that runs no tasks. */
  readonly loops: Readonly<Record<string, EngineLoop>>
  /**
   * Makes the queues. Resolves also when the database is away or was never migrated: that is told,
   * and tried again until it succeeds; until then no task is accepted.
   */
  open(): Promise<void>
  /** Begins to run tasks; once, and not after the stop. */
  work(parts: WorkParts): void
  /** Stops taking tasks, and gives those back that have not ended in `timeoutMs`. Accepts as before. */
  stopWork(options: { readonly timeoutMs: number }): Promise<void>
  /** Ends its timers, once the work has ended; no task is accepted any more. */
  stop(): Promise<void>
}

/** Opens nothing before `open`. */
export function createTaskEngine(parts: TaskEngineParts): TaskEngine {
  const { db, log, tasks, bounds, onEnd } = parts
  const boss = createBoss({ db, log })
  const names = new Set(tasks.map(({ name }) => name))
  const accepting = { boss, names, maxUnfinished: bounds.maxUnfinished }
  const acceptor = createAcceptor(accepting)
  const work = createWork(parts, boss, acceptor)
  return {
    control: createControl(acceptor, accepting, { onEnd, log }),
    loops: engineLoops({ ...parts, boss, acceptor, names, keptMs: bounds.keptMs }),
    open: () => boss.start([...names]),
    work: (running) => work.start(running),
    stopWork: (options) => work.stop(options),
    stop: () => boss.stop(),
  }
}

function createControl(acceptor: Acceptor, accepting: AcceptorParts, ends: EndParts): TaskControl {
  return {
    accept: (on, request) => acceptor.accept(on, request),
    cancel: (on, own) => asOne(on, (db) => cancelTask(db, own, ends)),
    redrive: (on, own) => asOne(on, (db) => redriveTask(db, own, accepting)),
  }
}

/** On the transaction that there is, or on one of its own; on no query budget. */
function asOne<T>(db: Db, run: (db: Db) => Promise<T>): Promise<T> {
  return offBudget(() => (db.isTransaction ? run(db) : inTransaction(db, run)))
}

/** The worker, and the bells that it hears. */
function createWork({ db, tasks, onEnd }: TaskEngineParts, boss: Boss, acceptor: Acceptor) {
  const bells: Subscription[] = []
  let worker: Worker | undefined
  let stopped = false
  return {
    start({ resources, notifications }: WorkParts): void {
      if (stopped || worker || tasks.length === 0) return
      const running = startWorker({ db, boss, tasks, resources, acceptor, onEnd })
      worker = running
      bells.push(
        notifications.listen(QUEUE_CHANNEL, {
          onMessage: (name) => running.wake(name),
          onUp: () => running.wake(),
        }),
        notifications.listen(WISH_CHANNEL, {
          onMessage: (id) => running.wishes(id),
          onUp: () => {}, // a timer looks for wishes as well
        }),
      )
    },
    async stop(options: { readonly timeoutMs: number }): Promise<void> {
      stopped = true
      await worker?.stop(options)
      for (const bell of bells) bell.close()
    },
  }
}

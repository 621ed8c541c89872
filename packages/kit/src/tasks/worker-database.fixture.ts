import { libraryMigrations } from '../db/library-migrations.ts'
import { startNotifications } from '../db/notifications.ts'
import { openDatabase } from '../db/open.ts'
import { openPool, type DatabaseConfig } from '../db/pool.ts'
import { hangBell } from '../db/ring.ts'
import { createSharedDatabase } from '../db/shared-database.fixture.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { idempotencyMigrations } from '../policies/idempotency/migrations.ts'
import { bossMigrations } from './boss-migrations.ts'
import { createBoss, type Boss } from './boss.ts'
import { taskMigrations } from './migrations.ts'

/** As those of a backend that has `tasks()` alone: one template serves the tests of both. */
export const taskLanes = {
  library: {
    ...libraryMigrations,
    ...idempotencyMigrations,
    ...taskMigrations,
    ...bossMigrations,
  },
  app: {},
}

/** A database with the tables of tasks, and a pool as processes have it. */
export async function openTaskDatabase(log: Logger = createLogger('silent')) {
  await using stack = new AsyncDisposableStack()
  const shared = stack.use(await createSharedDatabase(taskLanes))
  const bell = startNotifications(shared.config, { log, metrics: createMetrics() })
  stack.defer(() => bell.stop())
  const running = stack.move()
  /** As one more process has it. */
  function open(config: Partial<DatabaseConfig> = {}) {
    const all = { ...shared.config, poolSize: 5, ...config }
    const pool = openPool(all, log)
    running.defer(() => pool.end())
    const opened = openDatabase(pool, all)
    hangBell(opened, bell)
    return opened
  }
  const db = open()
  return {
    db,
    open,
    config: shared.config,
    ask: shared.ask,
    /** A pg-boss that has the queues of these tasks. */
    async startBoss(...names: string[]): Promise<Boss> {
      const boss = createBoss({ db, log })
      running.defer(() => boss.stop())
      await boss.start(names)
      return boss
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type TaskDatabase = Awaited<ReturnType<typeof openTaskDatabase>>

import type { Migrations } from '../../db/migrations.ts'
import type { Resources } from '../../resources.ts'
import { limitPolicies, type FeatureLimits } from '../../rpc/feature-limits.ts'
import type { OnTasksEnd } from '../../tasks/ended.ts'
import { notificationMigrations } from './migrations.ts'
import { insertNotifications } from './new-rows.ts'
import { deleteOutdated } from './retention.ts'
import { createNotificationsRouter } from './router.ts'

export interface NotificationsOptions {
  /** How long a notification is kept once it was read, in milliseconds. Default 30 days. */
  readonly keptReadMs?: number
  /** How long one is kept that nobody reads, in milliseconds. Default 90 days. */
  readonly keptUnreadMs?: number
  /** Notifications of one user: the newest are kept. Default 1,000. */
  readonly maxKept?: number
  /** Streams that one user may have open in one process, of all subscriptions together. Default 5. */
  readonly streams?: number
  readonly limits?: FeatureLimits
}

/** The feature `notifications`. */
export interface NotificationsFeature {
  readonly router: ReturnType<typeof createNotificationsRouter>
  readonly migrations: Migrations
  readonly onTasksEnd: OnTasksEnd
  readonly loops: {
    readonly retention: {
      readonly everyMs: number
      readonly runsIn: 'one process'
      readonly run: (resources: Pick<Resources, 'db'>, signal: AbortSignal) => Promise<void>
    }
  }
}

const DAY_MS = 24 * 60 * 60_000

/** From the end of a turn to the beginning of the next, in milliseconds. */
const RETENTION_EVERY_MS = 60_000

/**
 * The feature `notifications`: whoever owns a task gets a notification each time it ends, by the
 * transaction that ends it: one for each end, and none for an end that is rolled back.
 */
export function notifications(options: NotificationsOptions = {}): NotificationsFeature {
  const { maxKept = 1_000, streams } = options
  const kept = {
    readMs: options.keptReadMs ?? 30 * DAY_MS,
    unreadMs: options.keptUnreadMs ?? 90 * DAY_MS,
    max: maxKept,
  }
  const notify: OnTasksEnd = async (db, ended) => {
    const owned = ended.flatMap(({ owner, ...task }) =>
      owner === null ? [] : [{ ...task, owner }],
    )
    if (owned.length > 0) await insertNotifications(db, owned)
  }
  return {
    router: createNotificationsRouter({ maxKept, streams, ...limitPolicies(options.limits) }),
    migrations: notificationMigrations,
    onTasksEnd: notify,
    loops: {
      retention: {
        everyMs: RETENTION_EVERY_MS,
        runsIn: 'one process',
        run: ({ db }, signal) => deleteOutdated(db, kept, signal),
      },
    },
  }
}

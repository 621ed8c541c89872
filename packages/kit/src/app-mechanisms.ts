import type { AppDefinition } from './app-definition.ts'
import { noTaskEvents, openTaskReaders } from './app-tasks.ts'
import type { Config } from './config.ts'
import type { Db } from './db/database.ts'
import { startNotifications, type Notifications } from './db/notifications.ts'
import { startProcessCount, type ProcessCount } from './db/process-count.ts'
import { hangBell } from './db/ring.ts'
import type { Clock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'
import { createRedis, type Redis } from './platform/redis/redis.ts'
import type { Shutdown } from './platform/shutdown.ts'
import { createAdmission } from './policies/admission/admission.ts'
import type { PressureGauge } from './policies/admission/pressure.ts'
import { createCache } from './policies/cache/cache.ts'
import { createIdempotency } from './policies/idempotency/idempotency.ts'
import type { KeyedCallPoint } from './policies/idempotency/keyed-call.ts'
import { createLimiter } from './policies/rate-limit/limiter.ts'
import { createMemoryStore } from './policies/rate-limit/memory-store.ts'
import { createRedisStore } from './policies/rate-limit/redis-store.ts'
import type { Mechanisms } from './rpc/mechanisms.ts'
import { createStreams } from './rpc/streams.ts'

export interface MechanismParts {
  readonly definition: AppDefinition
  readonly config: Config
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly pressure: PressureGauge
  readonly shutdown: Shutdown
  readonly keyedCallObserver: ((point: KeyedCallPoint) => void) | undefined
}

/** What keeps the policies, and what they need to be started before anybody is served. */
export interface OpenMechanisms {
  readonly mechanisms: Mechanisms
  readonly redis: Redis | undefined
  readonly notifications: Notifications
  /** Begins to tell the other processes that this one is there. */
  start(): void
}

/** Opens what the policies need. A Redis that is away is no hindrance. */
export async function openMechanisms(parts: MechanismParts): Promise<OpenMechanisms> {
  const { definition, config, db, log, metrics, clock, pressure, shutdown } = parts
  const { keyedCallObserver } = parts
  const redis = config.redis && createRedis(config.redis, { log, metrics })
  if (redis) shutdown.add('redis', redis.close)
  const bus = startNotifications(config.database, { log, metrics })
  shutdown.add('notifications', bus.stop)
  hangBell(db, bus)
  const cache = createCache({ l1: config.cache, redis, bus, metrics, clock })
  shutdown.add('cache', async () => cache[Symbol.dispose]())
  await redis?.connect() // the cache has to know of it first
  const { features } = definition
  const readers = openTaskReaders({ features, db, notifications: bus, log, metrics })
  if (readers) shutdown.add('task readers', readers.close)

  let others: ProcessCount | undefined
  shutdown.add('process count', async () => others?.stop())
  const processes = {
    get count() {
      return others?.count ?? config.processes
    },
  }
  return {
    redis,
    notifications: bus,
    mechanisms: {
      admission: createAdmission({
        ...config.admission,
        clock,
        metrics,
        pressure: () => pressure.read(),
      }),
      cache,
      buildId: buildIdOf(config, definition),
      idempotency: createIdempotency({ metrics, clock, observer: keyedCallObserver }),
      keyedCallObserver,
      limiter: createLimiter({
        shared: redis && createRedisStore(redis),
        own: createMemoryStore({ metrics }),
        processes,
        metrics,
      }),
      limits: definition.limits ?? {},
      streams: createStreams({ metrics, clock }),
      taskEvents: readers ?? noTaskEvents,
      doorbells: bus,
    },
    start() {
      others = startProcessCount({ db, log, metrics, clock, configured: config.processes })
    },
  }
}

/** While code is edited, each start is another build. */
function buildIdOf({ buildId, environment }: Config, { version }: AppDefinition): string {
  if (buildId !== undefined) return buildId
  return environment === 'development' ? `${version} ${crypto.randomUUID()}` : version
}

import type { AddressInfo } from 'node:net'

import type { AppDefinition } from './app-definition.ts'
import { openMechanisms } from './app-mechanisms.ts'
import { openResources } from './app-resources.ts'
import { openSite } from './app-site.ts'
import { openWork } from './app-work.ts'
import type { Config } from './config.ts'
import { libraryMigrations } from './db/library-migrations.ts'
import { readMigrations, type Lanes } from './db/migrations.ts'
import { createHttpServer } from './http/server.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import { createLogger, type Logger } from './platform/logger.ts'
import { createMetrics, type MetricsRegistry } from './platform/metrics.ts'
import { createShutdown } from './platform/shutdown.ts'
import type { KeyedCallPoint } from './policies/idempotency/keyed-call.ts'
import { idempotencyMigrations } from './policies/idempotency/migrations.ts'
import type { Identity, Resources } from './resources.ts'

/** Parts that a test, or a host program, may bring along instead of the usual ones. */
export interface GivenParts {
  readonly log: Logger
  readonly metrics: MetricsRegistry
  readonly clock: Clock
  readonly identity: Identity
  /** Told of each point that a keyed mutation comes to, in the middle of its work. */
  readonly keyedCallObserver: (point: KeyedCallPoint) => void
}

/** A running backend. */
export interface App {
  readonly resources: Resources
  readonly metrics: MetricsRegistry
  /** Begins to answer. Resolves to the base URL. */
  listen(): Promise<string>
  /** Begins to run tasks, and what else comes round, without answering anybody. */
  work(): void
  /** Stops accepting, lets the running calls finish, closes what was opened. */
  close(): Promise<void>
}

/**
 * The composition root: the one place that names concrete parts. It closes what it opened, in
 * reverse, also when it fails half-way.
 */
export async function createApp(
  definition: AppDefinition,
  config: Config,
  given: Partial<GivenParts> = {},
): Promise<App> {
  const log = given.log ?? createLogger(config.logLevel)
  const shutdown = createShutdown(log)
  try {
    const metrics = given.metrics ?? createMetrics()
    const clock = given.clock ?? systemClock
    observeFeatures(definition, metrics)
    const opened = { definition, config, log, metrics, clock, shutdown }
    const { resources, pressure, engine } = await openResources(opened)
    const { db } = resources
    const { keyedCallObserver } = given
    const policies = await openMechanisms({ ...opened, db, pressure, keyedCallObserver })
    const { notifications, mechanisms } = policies
    const { cache } = mechanisms
    const route = openSite({
      definition,
      config,
      resources,
      mechanisms,
      redis: policies.redis,
      lanes: await readLanes(definition),
      identity: given.identity ?? definition.identity,
      draining: () => http.draining,
    })
    const http = createHttpServer({
      route,
      config: config.http,
      endStreams: mechanisms.streams.end,
      log,
      metrics,
    })
    const work = await openWork({ ...opened, resources, engine, notifications, cache })
    let serves = false
    // Added last, so that the calls end before what they use.
    shutdown.add('http', () => {
      work.beginDrain()
      const quietMs = serves ? config.drainQuietMs : 0
      return http.drain({ timeoutMs: config.drainTimeoutMs, quietMs })
    })
    return {
      resources,
      metrics,
      async listen() {
        const address = await http.listen(config.port, config.host)
        serves = true
        work.start({ runsTasks: config.worker })
        policies.start()
        return baseUrl(address)
      },
      work: () => work.start({ runsTasks: true }),
      close: shutdown.run,
    }
  } catch (error) {
    await shutdown.run()
    throw error
  }
}

/** The migrations that a backend needs: those of its features, and its own. */
export async function readLanes(definition: AppDefinition): Promise<Lanes> {
  const library = Object.values(definition.features).flatMap((feature) =>
    Object.entries(feature.migrations ?? {}),
  )
  return {
    library: { ...libraryMigrations, ...idempotencyMigrations, ...Object.fromEntries(library) },
    app: await readMigrations(definition.migrations),
  }
}

function observeFeatures(definition: AppDefinition, metrics: MetricsRegistry): void {
  for (const feature of Object.values(definition.features)) {
    for (const [name, read] of Object.entries(feature.gauges ?? {})) metrics.gauge(name, read)
  }
}

function baseUrl({ address, family, port }: AddressInfo): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

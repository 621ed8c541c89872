import type { AddressInfo } from 'node:net'

import type { AppDefinition } from './app-definition.ts'
import { createLoops } from './app-loops.ts'
import type { Config } from './config.ts'
import { checkCapacity } from './db/capacity.ts'
import { NoConnectionError } from './db/errors.ts'
import { readMigrations, type Lanes } from './db/migrations.ts'
import { openDatabase } from './db/open.ts'
import { observePool, openPool } from './db/pool.ts'
import { createReadyz, livez } from './http/health.ts'
import { createHttpServer } from './http/server.ts'
import { createSite } from './http/site.ts'
import { createWelcome } from './http/welcome.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import { createLogger, type Logger } from './platform/logger.ts'
import { createMetrics, type MetricsRegistry } from './platform/metrics.ts'
import { createSecrets } from './platform/secrets.ts'
import { createShutdown } from './platform/shutdown.ts'
import type { Identity, Resources } from './resources.ts'
import { createRpcHandler } from './rpc/http.ts'

/** Parts that a test, or a host program, may bring along instead of the usual ones. */
export interface GivenParts {
  readonly log: Logger
  readonly metrics: MetricsRegistry
  readonly clock: Clock
  readonly identity: Identity
}

/** A running backend. */
export interface App {
  readonly resources: Resources
  readonly metrics: MetricsRegistry
  /** Begins to answer. Resolves to the base URL. */
  listen(): Promise<string>
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
    const pool = openPool(config.database, log)
    shutdown.add('database', () => pool.end())
    observePool(pool, metrics)
    const db = openDatabase(pool, config.database)
    const clock = given.clock ?? systemClock
    const secrets = createSecrets(config.secret, config.previousSecret)
    const resources = { db, log, metrics, clock, secrets }
    observeFeatures(definition, metrics)
    await checkPool(config, log)

    const lanes = await readLanes(definition)
    const identity = given.identity ?? definition.identity
    const { router, version } = definition
    const rpc = createRpcHandler({ router, resources, identity, slowCallMs: config.slowCallMs })
    const draining = () => http.draining
    const { hosts, corsOrigins, corsCredentials } = config.http
    const route = createSite({
      pages: { '/': createWelcome(definition) },
      probes: { '/livez': livez, '/readyz': createReadyz({ db, lanes, draining, version }) },
      rpc,
      hosts,
      cors: { origins: corsOrigins, credentials: corsCredentials },
    })
    const http = createHttpServer({ route, config: config.http, log, metrics })
    const loops = createLoops(definition, resources, config.database)
    shutdown.add('loops', loops.stop)
    // Added last, so that the calls end before what they use.
    shutdown.add('http', () =>
      http.drain({ timeoutMs: config.drainTimeoutMs, quietMs: config.drainQuietMs }),
    )
    return {
      resources,
      metrics,
      async listen() {
        const address = await http.listen(config.port, config.host)
        loops.start()
        return baseUrl(address)
      },
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
    library: Object.fromEntries(library),
    app: await readMigrations(definition.migrations),
  }
}

function observeFeatures(definition: AppDefinition, metrics: MetricsRegistry): void {
  for (const feature of Object.values(definition.features)) {
    for (const [name, read] of Object.entries(feature.gauges ?? {})) metrics.gauge(name, read)
  }
}

/** A pool too large for Postgres stops the start; a Postgres that is away for now does not. */
async function checkPool(config: Config, log: Logger): Promise<void> {
  try {
    await checkCapacity(config.database, config.processes)
  } catch (error) {
    if (!(error instanceof NoConnectionError)) throw error
    log.warn({ err: error }, 'the database is away; /readyz will say when it is back')
  }
}

function baseUrl({ address, family, port }: AddressInfo): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

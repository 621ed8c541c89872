import type { AddressInfo } from 'node:net'

import type { AppDefinition } from './app-definition.ts'
import type { Config } from './config.ts'
import { checkCapacity } from './db/capacity.ts'
import { openDirect } from './db/direct.ts'
import { isUnreachable } from './db/errors.ts'
import { readMigrations, type Lanes } from './db/migrations.ts'
import { openDatabase } from './db/open.ts'
import { observePool, openPool } from './db/pool.ts'
import { createReadyz, livez } from './http/health.ts'
import { createHttpServer, readOnly, type Route } from './http/server.ts'
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
    const resources = { db, log, metrics, clock, secrets: createSecrets(config.secret) }
    observeFeatures(definition, metrics)
    await checkPool(config, log)

    const lanes = await readLanes(definition)
    const identity = given.identity ?? definition.identity
    const { router, version } = definition
    const rpc = createRpcHandler({ router, resources, identity, slowCallMs: config.slowCallMs })
    const draining = () => http.draining
    const pages = new Map<string, Route>([
      ['/', readOnly(createWelcome(definition))],
      ['/livez', readOnly(livez)],
      ['/readyz', readOnly(createReadyz({ db, lanes, draining, version }))],
    ])
    const http = createHttpServer({
      route: (path) =>
        path.startsWith(RPC_PREFIX)
          ? ({ request, response, url }) =>
              rpc({ request, response, url, path: path.slice(RPC_PREFIX.length) })
          : pages.get(path),
      log,
      metrics,
    })
    // Added last, so that the calls end before what they use.
    shutdown.add('http', () =>
      http.drain({ timeoutMs: config.drainTimeoutMs, quietMs: config.drainQuietMs }),
    )
    return {
      resources,
      metrics,
      listen: async () => baseUrl(await http.listen(config.port, config.host)),
      close: shutdown.run,
    }
  } catch (error) {
    await shutdown.run()
    throw error
  }
}

const RPC_PREFIX = '/rpc/'

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
  await using direct = openDirect(config.database, log)
  const { poolSize } = config.database
  try {
    await checkCapacity(direct.db, { poolSize, processes: config.processes })
  } catch (error) {
    if (!isUnreachable(error)) throw error
    log.warn({ err: error }, 'the database is away; /readyz will say when it is back')
  }
}

function baseUrl({ address, family, port }: AddressInfo): string {
  const host = family === 'IPv6' ? `[${address}]` : address
  return `http://${host}:${port}`
}

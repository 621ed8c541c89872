import { Pool, types, type PoolClient, type PoolConfig } from 'pg'

import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'

/** How this process reaches Postgres. */
export interface DatabaseConfig {
  /** Connection string; may lead to a PgBouncer in transaction mode. */
  readonly url: string
  /** Connection string that leads to Postgres itself, when `url` does not. */
  readonly directUrl: string | undefined
  /** Connections of the one pool of this process. */
  readonly poolSize: number
  /** Longest wait for a connection, in milliseconds. */
  readonly acquireTimeoutMs: number
  /** Longest statement, in milliseconds: the backstop behind the deadline of a call. */
  readonly statementTimeoutMs: number
}

const INT8 = 20

/** int8 as bigint; everything else as pg reads it by itself. */
const typeParsers: PoolConfig['types'] = {
  getTypeParser: (oid, format): ((text: string) => unknown) =>
    // oxlint-disable-next-line typescript/no-unsafe-return -- pg's parsers return any
    oid === INT8 && format !== 'binary' ? BigInt : types.getTypeParser(oid, format),
}

/**
 * The one pool of a process. Every client has an error listener for as long as it lives: a
 * connection that breaks while nobody listens ends the whole process (brianc/node-postgres#3083).
 */
export function openPool(config: DatabaseConfig, log: Logger): Pool {
  const pool = new Pool({
    connectionString: config.url,
    max: config.poolSize,
    connectionTimeoutMillis: config.acquireTimeoutMs,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: 1800,
    keepAlive: true,
    types: typeParsers,
    // Startup parameters are refused by a PgBouncer; behind one the deadline of a call is the limit.
    ...(config.directUrl === undefined && { statement_timeout: config.statementTimeoutMs }),
  })
  pool.on('connect', (client: PoolClient) => {
    client.on('error', (error) => log.warn({ err: error }, 'a database connection broke'))
  })
  pool.on('error', () => {}) // told by the client's own listener
  return pool
}

/** Makes the state of the pool visible. Returns the removal. */
export function observePool(pool: Pool, metrics: Metrics): () => void {
  const removals = [
    metrics.gauge('db_pool_connections', () => pool.totalCount),
    metrics.gauge('db_pool_idle', () => pool.idleCount),
    metrics.gauge('db_pool_waiting', () => pool.waitingCount),
  ]
  return () => removals.forEach((remove) => remove())
}

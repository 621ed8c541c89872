import { Pool, types, type PoolClient, type PoolConfig } from 'pg'

import type { Logger } from '../platform/logger.ts'

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

/** Connections that a process opens before it is asked for any; a larger pool opens the rest later. */
const PRIMED_CONNECTIONS = 10

/**
 * Opens the first connections, one after the other, and leaves them idle. Ends with the first that
 * cannot be had: whoever needs it then is told.
 */
export async function primePool(pool: Pool): Promise<void> {
  const clients: PoolClient[] = []
  const wanted = Math.min(pool.options.max, PRIMED_CONNECTIONS)
  try {
    while (clients.length < wanted) clients.push(await pool.connect())
  } catch {
    // Nobody waits for these connections.
  } finally {
    for (const client of clients) client.release()
  }
}

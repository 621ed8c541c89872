import { Client } from 'pg'

import { NoConnectionError } from './errors.ts'
import type { DatabaseConfig } from './pool.ts'

/** Connections that a deployment keeps beside its pools: migrations and an operator's psql. */
const SPARE_CONNECTIONS = 3

/** Connections of a process beside its pool: one that listens, one that cancels or leads. */
const OWN_CONNECTIONS = 2

/** Longest that the start waits for the answer, in milliseconds. */
const TIMEOUT_MS = 3_000

/**
 * Refuses a pool that Postgres cannot serve, times `processes`. Asks Postgres itself, around any
 * pooler. Throws `NoConnectionError` when there is no answer in time.
 */
export async function checkCapacity(config: DatabaseConfig, processes: number): Promise<void> {
  const usable = await askUsableConnections(config.directUrl ?? config.url)
  const wanted = (config.poolSize + OWN_CONNECTIONS) * processes + SPARE_CONNECTIONS
  if (wanted <= usable) return
  throw new Error(
    `(TAUTLINE_POOL_SIZE ${config.poolSize} + ${OWN_CONNECTIONS}) × TAUTLINE_PROCESSES ${processes} and ` +
      `${SPARE_CONNECTIONS} to spare need ${wanted} connections, Postgres serves ${usable}. ` +
      'Lower the pool, or raise max_connections.',
  )
}

async function askUsableConnections(connectionString: string): Promise<number> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  })
  client.on('error', () => {}) // fails the query, which tells
  try {
    await client.connect()
    const { rows } = await client.query<{ usable: number }>(`
      select current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int as usable`)
    return rows[0]?.usable ?? 0
  } catch (error) {
    throw new NoConnectionError('Postgres did not answer at the start.', { cause: error })
  } finally {
    // Not waited for: on a network that has gone silent it takes for ever.
    client.end().catch(() => {})
  }
}

import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'

import type { Logger } from '../platform/logger.ts'
import type { Database, Db } from './database.ts'
import type { DatabaseConfig } from './pool.ts'

/** A short-lived line to Postgres itself, around any pooler: for migrations and boot checks. */
export interface DirectDatabase extends AsyncDisposable {
  readonly db: Db
}

/** Opens at most one connection, with no timeouts on its statements. */
export function openDirect(config: DatabaseConfig, log: Logger): DirectDatabase {
  const pool = new Pool({
    connectionString: config.directUrl ?? config.url,
    max: 1,
    connectionTimeoutMillis: 5_000,
  })
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'the direct database connection broke'))
  })
  pool.on('error', () => {}) // told by the client's own listener
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  return { db, [Symbol.asyncDispose]: () => db.destroy() }
}

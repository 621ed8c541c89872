import { Kysely } from 'kysely'
import type { Pool } from 'pg'

import type { Database, Db } from './database.ts'
import { createDialect } from './driver.ts'
import type { OnWait } from './pool-figures.ts'
import type { DatabaseConfig } from './pool.ts'

/** Longest wait for a row lock, in milliseconds. */
const LOCK_TIMEOUT_MS = 2_000

/** Longest pause between two statements of a transaction, in milliseconds. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 5_000

/**
 * The query layer over the pool. Opens no connection before the first query. `onWait` is told of
 * each wait for a connection, also of one in vain.
 */
export function openDatabase(pool: Pool, config: DatabaseConfig, onWait?: OnWait): Db {
  const limits = {
    statementTimeoutMs: config.statementTimeoutMs,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    idleTimeoutMs: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  }
  return new Kysely<Database>({ dialect: createDialect(pool, limits, onWait) })
}

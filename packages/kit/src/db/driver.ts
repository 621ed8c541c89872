import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type TransactionSettings,
} from 'kysely'
import type { Pool, PoolClient } from 'pg'

import { orAborted } from '../platform/abort.ts'
import { currentCall } from '../platform/call-scope.ts'
import type { SlotSource } from '../platform/slots.ts'
import { createQueryCanceller } from './cancel.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { NoConnectionError } from './errors.ts'
import type { OnWait } from './pool-figures.ts'

/** Backstops of every transaction, in milliseconds; the deadline of the call comes first. */
export interface TransactionLimits {
  readonly statementTimeoutMs: number
  /** Longest wait for a row lock. */
  readonly lockTimeoutMs: number
  /** Longest pause between two statements, with locks held. */
  readonly idleTimeoutMs: number
}

/** How much longer than Postgres we wait for an answer, in milliseconds. */
const ANSWER_GRACE_MS = 2_000

/** Kysely's Postgres dialect over our own driver. Never closes the pool. */
export function createDialect(pool: Pool, limits: TransactionLimits, onWait?: OnWait): Dialect {
  return {
    createDriver: () => new PoolDriver(pool, limits, onWait),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    // oxlint-disable-next-line typescript/no-explicit-any -- as Kysely's interface has it
    createIntrospector: (db: Kysely<any>) => new PostgresIntrospector(db),
  }
}

/**
 * Kysely's own driver knows nothing of calls: it waits for a connection without a deadline of the
 * call, cancels by a pid that is not the server's behind a PgBouncer, and begins a transaction
 * without limits. Hence ours; it keeps no state in a session.
 */
class PoolDriver implements Driver {
  readonly #pool: Pool
  readonly #options: ConnectionOptions
  readonly #onWait: OnWait | undefined

  constructor(pool: Pool, limits: TransactionLimits, onWait: OnWait | undefined) {
    this.#pool = pool
    this.#onWait = onWait
    // Postgres itself gives up by then, unless it cannot be reached any more.
    const answerTimeoutMs = limits.statementTimeoutMs + ANSWER_GRACE_MS
    this.#options = {
      canceller: createQueryCanceller(),
      answerTimeoutMs,
      // One round trip, and gone with the transaction.
      limits:
        `set local statement_timeout = ${limits.statementTimeoutMs}; ` +
        `set local lock_timeout = ${limits.lockTimeoutMs}; ` +
        `set local idle_in_transaction_session_timeout = ${limits.idleTimeoutMs}`,
    }
  }

  async init() {}

  async acquireConnection(): Promise<Connection> {
    const call = currentCall()
    // Here, because the code that asks is still on the stack.
    call?.budget?.countStatement()
    const slots = call?.connections
    const startedAt = performance.now()
    try {
      await slots?.take(call?.signal)
      return await this.#open(slots, call?.signal)
    } finally {
      if (call) call.spent.waitMs += performance.now() - startedAt
    }
  }

  /** Only the wait for the pool says how hard it is pressed. */
  async #open(slots: SlotSource | undefined, signal: AbortSignal | undefined): Promise<Connection> {
    const startedAt = performance.now()
    let timedOut = false
    try {
      return new Connection(await this.#connect(signal), this.#options, slots)
    } catch (error) {
      slots?.give()
      timedOut = error instanceof NoConnectionError
      throw error
    } finally {
      this.#onWait?.({ waitedMs: performance.now() - startedAt, timedOut })
    }
  }

  /** Waits no longer than the pool's timeout, and not a moment after the call has aborted. */
  async #connect(signal: AbortSignal | undefined): Promise<PoolClient> {
    signal?.throwIfAborted()
    const connecting = this.#pool.connect()
    try {
      return await orAborted(connecting, signal)
    } catch (error) {
      if (signal?.aborted) connecting.then((client) => client.release()).catch(() => {})
      else if (error instanceof Error && !('code' in error)) {
        throw new NoConnectionError('No database connection could be had in time.', {
          cause: error,
        })
      }
      throw error
    }
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings) {
    const modes = [
      settings.isolationLevel && `isolation level ${settings.isolationLevel}`,
      settings.accessMode,
    ].filter(Boolean)
    await own(connection).begin(`begin ${modes.join(' ')}; ${this.#options.limits}`)
  }

  async commitTransaction(connection: DatabaseConnection) {
    await own(connection).commit()
  }

  async rollbackTransaction(connection: DatabaseConnection) {
    await own(connection).rollback()
  }

  async savepoint(connection: DatabaseConnection, name: string) {
    await own(connection).executeControl(`savepoint ${identifier(name)}`)
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string) {
    await own(connection).executeControl(`rollback to savepoint ${identifier(name)}`)
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string) {
    await own(connection).executeControl(`release savepoint ${identifier(name)}`)
  }

  async releaseConnection(connection: DatabaseConnection) {
    const { client, discarded, slots } = own(connection)
    client.release(discarded)
    slots?.give()
  }

  async destroy() {}
}

function own(connection: DatabaseConnection): Connection {
  if (connection instanceof Connection) return connection
  throw new TypeError('This connection belongs to another driver.')
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

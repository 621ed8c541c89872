import {
  AbortedTransactionError,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
} from 'kysely'
import type { PoolClient } from 'pg'

import { currentCall, type CallScope } from '../platform/call-scope.ts'
import type { QueryCanceller } from './cancel.ts'
import { ConnectionLostError } from './errors.ts'

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** pg's errors for a socket that broke have no code. */
const LOST = /^(Connection terminated|Client has encountered a connection error|This socket)/

/**
 * One borrowed connection. A statement belongs to the call it runs in: its time is charged to the
 * call, and when the call aborts, the statement is cancelled on the server.
 */
export class Connection implements DatabaseConnection {
  readonly client: PoolClient
  readonly #canceller: QueryCanceller
  /** Never to be used again: broken, or a cancel request may still be under way to it. */
  discarded = false

  constructor(client: PoolClient, canceller: QueryCanceller) {
    this.client = client
    this.#canceller = canceller
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const call = currentCall()
    call?.signal.throwIfAborted()
    const startedAt = performance.now()
    try {
      return await this.#cancellable(query, call)
    } finally {
      if (call) {
        call.spent.queries++
        call.spent.queryMs += performance.now() - startedAt
      }
    }
  }

  /** Runs a statement that no abort may interrupt, such as the ends of a transaction. */
  async executeControl(sql: string): Promise<void> {
    await this.#run(sql, [])
  }

  /** Commits. Postgres answers ROLLBACK, not an error, when a statement before it had failed. */
  async commit(): Promise<void> {
    const { command } = await this.client.query('commit').catch((error) => this.#rethrow(error))
    if (command === 'ROLLBACK') throw new AbortedTransactionError()
  }

  async #cancellable<R>(query: CompiledQuery, call: CallScope | undefined) {
    if (!call) return this.#run<R>(query.sql, query.parameters)
    let cancelled: Promise<void> | undefined
    const cancel = () => {
      this.discarded = true
      cancelled = this.#canceller.cancel(this.client)
    }
    call.signal.addEventListener('abort', cancel, { once: true })
    try {
      return await this.#run<R>(query.sql, query.parameters)
    } finally {
      call.signal.removeEventListener('abort', cancel)
      await cancelled
    }
  }

  async #run<R>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<R>> {
    try {
      const result = await this.client.query(sql, [...parameters])
      if (!WRITES.has(result.command)) return { rows: result.rows ?? [] }
      return { rows: result.rows ?? [], numAffectedRows: BigInt(result.rowCount ?? 0) }
    } catch (error) {
      return this.#rethrow(error)
    }
  }

  #rethrow(error: unknown): never {
    if (!(error instanceof Error) || !LOST.test(error.message)) throw error
    this.discarded = true
    throw new ConnectionLostError('The connection to the database broke.', { cause: error })
  }

  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Streaming results needs a cursor; this connection has none.')
  }
}

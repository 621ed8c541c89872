import {
  AbortedTransactionError,
  CompiledQuery,
  SelectQueryNode,
  type DatabaseConnection,
  type QueryResult,
} from 'kysely'
import type { PoolClient, QueryResult as PgResult } from 'pg'

import { commonErrors, Failure, sleep } from '@tautline/shared'

import { currentCall } from '../platform/call-scope.ts'
import type { SlotSource } from '../platform/slots.ts'
import type { QueryCanceller } from './cancel.ts'
import { isConnectionLoss, isOutcomeUnknown } from './errors.ts'
import { toConnectionLost } from './lost-connection.ts'

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** How long answers may take that have no work behind them, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5_000

/** How long a cancelled statement may take to say so, in milliseconds. */
const CANCEL_TIMEOUT_MS = 2_000

/** Pause between two requests to cancel the same statement, in milliseconds. */
const CANCEL_AGAIN_MS = 100

export interface ConnectionOptions {
  readonly canceller: QueryCanceller
  /** Longest wait for the answer to a commit, or to a statement outside any call, in milliseconds. */
  readonly answerTimeoutMs: number
  /** Statements that give a transaction its limits. */
  readonly limits: string
}

/** Names of cursors, which no two of one connection may share. */
let cursors = 0

/**
 * One borrowed connection. A statement belongs to the call it runs in: its time is charged to the
 * call, and when the call aborts, the statement is cancelled on the server. A server that does not
 * answer any more costs the connection, and never more than a bounded wait.
 */
export class Connection implements DatabaseConnection {
  readonly client: PoolClient
  /** Of which it takes one, until it is given back. */
  readonly slots: SlotSource | undefined
  readonly #options: ConnectionOptions
  #inTransaction = false
  /** Whether its next statement was counted when the connection was asked for. */
  #isCounted = true
  /** Never to be used again: broken, or a cancel request may still be under way to it. */
  discarded = false

  constructor(client: PoolClient, options: ConnectionOptions, slots: SlotSource | undefined) {
    this.client = client
    this.#options = options
    this.slots = slots
  }

  /**
   * Throws `COMMIT_UNKNOWN` when the connection broke under a statement of a mutation that commits
   * by itself: nobody can say that nothing was changed.
   */
  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const budget = currentCall()?.budget
    if (budget) {
      if (!this.#isCounted) budget.countStatement()
      this.#isCounted = false // by now; what has no budget leaves it to the next
    }
    return this.#timed(query)
  }

  /** Runs a statement, or a part of one, and charges its time to the call. */
  async #timed<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const call = currentCall()
    const startedAt = performance.now()
    const run = () => this.#cancellable<R>(query.sql, query.parameters)
    const changes = call?.kind === 'mutation' && !this.#inTransaction && !isRead(query)
    try {
      return await (changes ? changing(run) : run())
    } finally {
      if (call) {
        const tookMs = performance.now() - startedAt
        call.spent.queries++
        call.spent.queryMs += tookMs
        call.budget?.countTime(tookMs)
      }
    }
  }

  async begin(sql: string): Promise<void> {
    // A pooler may let it wait for long, so it ends with the call.
    await this.#cancellable(sql, [])
    this.#inTransaction = true
  }

  /** Runs a statement that no abort may interrupt, such as the ends of a transaction. */
  async executeControl(sql: string): Promise<void> {
    await this.#answeredWithin(ANSWER_TIMEOUT_MS, this.#run(sql, []))
  }

  /** Commits. Postgres answers ROLLBACK, not an error, when a statement before it had failed. */
  async commit(): Promise<void> {
    const { answerTimeoutMs } = this.#options
    await changing(async () => {
      const answer = this.client.query('commit').catch((error: unknown) => this.#rethrow(error))
      const { command } = await this.#answeredWithin(answerTimeoutMs, answer)
      this.#inTransaction = false
      if (command === 'ROLLBACK') throw new AbortedTransactionError()
    })
  }

  async rollback(): Promise<void> {
    try {
      await this.executeControl('rollback')
      this.#inTransaction = false
    } catch (error) {
      this.discarded = true // the end of the session rolls back as well
      throw error
    }
  }

  /** Runs a statement that is cancelled when the call aborts. */
  async #cancellable<R>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<R>> {
    // Outside any call nobody else would notice a network that has gone silent.
    const signal = currentCall()?.signal ?? AbortSignal.timeout(this.#options.answerTimeoutMs)
    signal.throwIfAborted()
    const answer = this.#run<R>(sql, parameters)
    let cancelled: Promise<void> | undefined
    const cancel = () => {
      cancelled = this.#cancelUntilAnswered(answer)
    }
    signal.addEventListener('abort', cancel, { once: true })
    try {
      return await answer
    } finally {
      signal.removeEventListener('abort', cancel)
      await cancelled
    }
  }

  /** Asks more than once: Postgres forgets a request that comes before the statement has begun. */
  async #cancelUntilAnswered(answer: Promise<unknown>): Promise<void> {
    this.discarded = true
    const answered = this.#answeredWithin(CANCEL_TIMEOUT_MS, answer)
      .catch(() => {}) // told by `answer` itself
      .then(() => true)
    for (;;) {
      await this.#options.canceller.cancel(this.client)
      if (await Promise.race([answered, sleep(CANCEL_AGAIN_MS)])) return
    }
  }

  async #run<R>(sql: string, parameters: readonly unknown[]): Promise<QueryResult<R>> {
    try {
      const { command, rowCount, rows } = await this.#ask<R>(sql, parameters)
      if (!WRITES.has(command)) return { rows }
      return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
    } catch (error) {
      return this.#rethrow(error)
    }
  }

  /** Not by pg's own promises: the rows of each of them stay until the next full collection. */
  #ask<R>(sql: string, parameters: readonly unknown[]): Promise<PgResult<R & object>> {
    return new Promise((resolve, reject) => {
      // Kysely's queries say themselves what their rows are.
      this.client.query<R & object>(sql, [...parameters], (error: Error | null, result) => {
        if (error) reject(error)
        else resolve(result)
      })
    })
  }

  /** Gives the connection up when the answer does not come: the network between may be gone. */
  async #answeredWithin<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.discarded = true
      this.client.end().catch(() => {}) // makes what is under way fail, which tells
    }, timeoutMs)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
    }
  }

  #rethrow(error: unknown): never {
    const told = toConnectionLost(error) ?? error
    if (isConnectionLoss(told)) this.discarded = true
    throw told
  }

  /**
   * Rows by a cursor of the server, `chunkSize` at a time: no more of them are held here. Postgres
   * plans it for its first rows, so that they come soon. Outside a transaction it opens one that only
   * reads, and holds it until the last row or `break`; its pauses are as limited as those of any other.
   */
  async *streamQuery<R>(
    { sql, parameters }: CompiledQuery,
    chunkSize: number,
  ): AsyncGenerator<QueryResult<R>, void> {
    const isOwn = !this.#inTransaction
    if (isOwn) await this.begin(`begin read only; ${this.#options.limits}`)
    const cursor = `tautline_cursor_${++cursors}`
    const fetch = CompiledQuery.raw(`fetch ${chunkSize} from ${cursor}`)
    try {
      const declare = `declare ${cursor} no scroll cursor for ${sql}`
      await this.executeQuery(CompiledQuery.raw(declare, [...parameters]))
      for (;;) {
        // How often it takes a few more rows is no question of its own.
        const { rows } = await this.#timed<R>(fetch)
        if (rows.length > 0) yield { rows }
        if (rows.length < chunkSize) return
      }
    } finally {
      const end = isOwn ? this.rollback() : this.executeControl(`close ${cursor}`)
      await end.catch(() => {}) // the transaction has failed, which is told, or gave up its connection
    }
  }
}

/**
 * Runs what changes something for good, and counts it as a change of the call unless it certainly
 * failed. Throws `COMMIT_UNKNOWN` when the connection broke under it.
 */
async function changing<T>(run: () => Promise<T>): Promise<T> {
  const call = currentCall()
  if (call) call.changes++
  try {
    return await run()
  } catch (error) {
    if (isOutcomeUnknown(error)) throw new Failure(commonErrors.COMMIT_UNKNOWN, { cause: error })
    if (call) call.changes--
    throw error
  }
}

/** Whether a statement certainly changes nothing: a plain SELECT, of which only we know the shape. */
function isRead({ query }: CompiledQuery): boolean {
  return SelectQueryNode.is(query) && query.with === undefined
}

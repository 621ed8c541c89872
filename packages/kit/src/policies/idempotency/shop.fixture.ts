import { sql } from 'kysely'
import { z } from 'zod'

import { backoffMs, defineError, Failure, sleep } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { isTransactionConflict } from '../../db/errors.ts'
import { openDatabase } from '../../db/open.ts'
import { openPool, type DatabaseConfig } from '../../db/pool.ts'
import { createSharedDatabase } from '../../db/shared-database.fixture.ts'
import { inTransaction } from '../../db/transaction.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createIdempotency, type IdempotencyParts } from './idempotency.ts'
import type { KeyedCall, KeyedWork } from './keyed-call.ts'
import { fingerprintOf } from './keys.ts'
import { idempotencyMigrations } from './migrations.ts'

interface SaleTable {
  id: string
}

declare module '../../db/database.ts' {
  interface Database {
    sale: SaleTable
  }
}

export const SOLD_OUT = defineError('SOLD_OUT', {
  code: 'CONFLICT',
  message: 'There is nothing left.',
  data: z.object({ since: z.date(), left: z.bigint() }),
})

const saleMigration = {
  async up(db: Db) {
    // No key: what is applied twice is there twice.
    await db.schema.createTable('sale').addColumn('id', 'text').execute()
  },
}

/** One process of a shop: a pool, and the mechanism on it. */
export function openShop(config: DatabaseConfig, parts: Partial<IdempotencyParts> = {}) {
  const pool = openPool(config, createLogger('silent'))
  const db = openDatabase(pool, config)
  const metrics = createMetrics()
  const idempotency = createIdempotency({ metrics, clock: systemClock, ...parts })

  /** As the unit of work of a mutation is. */
  async function transact<R>(run: (db: Db) => Promise<R>): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await inTransaction(db, run)
      } catch (error) {
        if (attempt === 4 || !isTransactionConflict(error)) throw error
        await sleep(backoffMs(attempt, { baseMs: 10, capMs: 50 }))
      }
    }
  }

  return {
    db,
    pool,
    metrics,
    transact,
    /** Sells under a key, and answers with a text that no two sales share. */
    sell: (call: Partial<KeyedCall> = {}, work: Partial<KeyedWork<{ id: string }>> = {}) =>
      idempotency.run(keyed(call), {
        transact,
        work: (inside) => sell(inside),
        encode: (result) => JSON.stringify(result),
        ...work,
      }),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

export type Shop = ReturnType<typeof openShop>

/** A sale by anna under the key of the test. */
function keyed(call: Partial<KeyedCall>): KeyedCall {
  return {
    principal: 'anna',
    procedure: 'sales.make',
    key: 'key',
    fingerprint: fingerprintOf('sales.make', '{"json":{"amount":1}}'),
    errors: [SOLD_OUT],
    signal: AbortSignal.timeout(20_000),
    ...call,
  }
}

/** Makes a row, with another id each time. */
export async function sell(db: Db, id: string = crypto.randomUUID()): Promise<{ id: string }> {
  return db.insertInto('sale').values({ id }).returning('id').executeTakeFirstOrThrow()
}

/** Makes a row, and then finds that it must not. */
export async function sellTooMany(db: Db): Promise<never> {
  await sell(db)
  throw new Failure(SOLD_OUT, { data: { since: new Date('2026-01-02'), left: 12n } })
}

/** Holds its connection for a while. */
export async function nap(db: Db, seconds: number): Promise<void> {
  await sql`select pg_sleep(${seconds})`.execute(db)
}

/** One database, two processes. */
export async function openTwoShops(parts: Partial<IdempotencyParts> = {}) {
  await using stack = new AsyncDisposableStack()
  const { config, ask } = stack.use(
    await createSharedDatabase({
      library: idempotencyMigrations,
      app: { '2026-01-01-sale': saleMigration },
    }),
  )
  const [first, second] = [openShop(config, parts), openShop(config, parts)]
  stack.use(first)
  stack.use(second)
  const running = stack.move()
  const count = async (from: string) =>
    Number((await ask<{ count: string }>(`select count(*) from ${from}`))[0]?.count)
  return {
    first,
    second,
    config,
    ask,
    sales: () => count('sale'),
    keys: () => count('tautline.idempotency'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

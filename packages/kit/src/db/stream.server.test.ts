import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import type { Db } from './database.ts'
import { openDatabase } from './open.ts'
import { openPool } from './pool.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'
import { inTransaction } from './transaction.ts'

type Shared = Awaited<ReturnType<typeof createSharedDatabase>>

let shared: Shared
let pool: ReturnType<typeof openPool>
let db: Db
beforeAll(async () => {
  shared = await createSharedDatabase()
  pool = openPool(shared.config, createLogger('silent'))
  db = openDatabase(pool, shared.config)
})
afterAll(async () => {
  await pool.end()
  await shared[Symbol.asyncDispose]()
})

/** The numbers up to 10, `size` at a time; those above `after`. */
const numbers = (on: Db, { size, after = 0 }: { size: number; after?: number }) =>
  on
    .selectFrom(sql<{ n: number }>`generate_series(1, 10)`.as<'g'>(sql`g(n)`))
    .select('g.n')
    .where('g.n', '>', after)
    .stream(size)

/** Transactions that are open in the database, but for that of who asks. */
async function openTransactions(): Promise<number> {
  const [row] = await shared.ask<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
     where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`,
  )
  return row?.n ?? 0
}

const isPoolFree = () => pool.idleCount === pool.totalCount && pool.waitingCount === 0

describe('rows as a stream', () => {
  test.each([1, 3, 5, 10, 11])('come all and in their order, %i at a time', async (size) => {
    const seen: number[] = []
    for await (const { n } of numbers(db, { size, after: 2 })) seen.push(n)
    expect(seen).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
    await expect.poll(isPoolFree).toBe(true)
  })

  test('hold a transaction for as long as somebody reads, and not when they stop', async () => {
    for await (const { n } of numbers(db, { size: 2 })) {
      expect(await openTransactions()).toBe(1)
      if (n === 3) break
    }
    await expect.poll(openTransactions).toBe(0)
    await expect.poll(isPoolFree).toBe(true)
  })

  test('are those of one moment', async () => {
    await shared.ask('create table fact (n int)')
    await shared.ask('insert into fact select generate_series(1, 4)')
    const facts = sql<{ n: number }>`fact`
    const seen: number[] = []
    for await (const { n } of db.selectFrom(facts.as('fact')).select('n').stream(1)) {
      seen.push(n)
      await shared.ask('insert into fact values (5)')
    }
    expect(seen).toEqual([1, 2, 3, 4])
  })

  test('leave the transaction that they are read in open, also when they are left', async () => {
    await inTransaction(db, async (transaction) => {
      await sql`create temporary table kept (n int) on commit drop`.execute(transaction)
      for await (const { n } of numbers(transaction, { size: 2 })) if (n === 3) break
      const { rows } = await sql`insert into kept values (1) returning n`.execute(transaction)
      expect(rows).toEqual([{ n: 1 }])
    })
  })

  test('fail with the error of their query, and give the connection back', async () => {
    const failing = db
      .selectFrom(sql<{ n: number }>`generate_series(1, 10)`.as<'g'>(sql`g(n)`))
      .select(sql<number>`1 / (5 - g.n)`.as('n'))
    const seen: number[] = []
    const reading = (async () => {
      for await (const { n } of failing.stream(2)) seen.push(n)
    })()
    await expect(reading).rejects.toMatchObject({ code: '22012' })
    expect(seen).toEqual([0, 0, 0, 1])
    await expect.poll(isPoolFree).toBe(true)
    expect(await openTransactions()).toBe(0)
  })
})

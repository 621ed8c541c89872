import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import type { Db } from './database.ts'
import { openDatabase } from './open.ts'
import { openPool } from './pool.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'
import { inTransaction } from './transaction.ts'

let shared: Awaited<ReturnType<typeof createSharedDatabase>>
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

test('one may go back to a savepoint of Kysely’s more than once', async () => {
  const outer = await db.startTransaction().execute()
  const inner = await outer.savepoint('before').execute()
  for (let n = 1; n <= 2; n++) {
    await expect(sql`select 1 / 0`.execute(inner)).rejects.toMatchObject({ code: '22012' })
    await inner.rollbackToSavepoint('before').execute()
  }
  await inner.releaseSavepoint('before').execute()
  await outer.commit().execute()
})

/** Writes a row. Returns the id of its transaction; within a savepoint that is one of its own. */
async function write(on: Db): Promise<string> {
  const { rows } = await sql<{ xmin: string }>`
    insert into deep values (1) returning xmin::text as xmin`.execute(on)
  return rows[0]?.xmin ?? ''
}

test('what comes after a transaction within a transaction that failed is not inside it', async () => {
  await shared.ask('create table deep (n int)')
  await inTransaction(db, async (outer) => {
    const before = await write(outer)
    const failing = inTransaction(outer, async (inner) => {
      expect(await write(inner)).not.toBe(before)
      throw new Error('undone')
    })
    await expect(failing).rejects.toThrow('undone')
    expect(await write(outer)).toBe(before)
  })
})

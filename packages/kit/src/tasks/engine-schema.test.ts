import { afterAll, beforeAll, expect, test } from 'vitest'

import { dumpSchema } from '../db/schema-dump.ts'
import { tableTypes } from '../db/table-types.ts'
import { openTaskDatabase, type TaskDatabase } from './worker-database.fixture.ts'

let database: TaskDatabase
beforeAll(async () => {
  database = await openTaskDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

test('what pg-boss keeps is no part of the schema that a database is compared by', async () => {
  const [found] = await database.ask<{ count: number }>(`
    select count(*)::int as count from pg_class join pg_namespace n on n.oid = relnamespace
    where nspname = 'tautline_boss'`)
  expect(found?.count).toBeGreaterThan(10)
  const dump = await dumpSchema(database.db)
  expect(dump).toContain('CREATE TABLE tautline.task (')
  // But for a function of ours that writes there.
  expect(dump).not.toMatch(/^CREATE.* tautline_boss/m)
  const types = await tableTypes(database.db, { isTyped: () => true, indent: '' })
  expect(types).toContain('tautline.task_event')
  expect(types).not.toContain('tautline_boss')
})

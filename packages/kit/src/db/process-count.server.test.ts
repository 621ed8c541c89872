import { expect, test } from 'vitest'

import { systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { libraryMigrations } from './library-migrations.ts'
import { openDatabase } from './open.ts'
import { openPool } from './pool.ts'
import { startProcessCount } from './process-count.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'

/** A machine under load is late. */
const SOON = { timeout: 20_000, interval: 20 }

/** A database, and processes that count each other in it. */
async function countedDatabase() {
  await using stack = new AsyncDisposableStack()
  const shared = await createSharedDatabase({ library: libraryMigrations, app: {} })
  const { config, ask } = stack.use(shared)
  const log = createLogger('silent')
  const running = stack.move()
  return {
    ask,
    ids: async () => (await ask<{ id: string }>('select id from tautline.process')).length,
    start({ configured = 1, everyMs = 50 } = {}) {
      const pool = openPool(config, log)
      running.defer(() => pool.end())
      const metrics = createMetrics()
      const db = openDatabase(pool, config)
      const processes = startProcessCount({
        db,
        log,
        metrics,
        clock: systemClock,
        configured,
        everyMs,
      })
      running.defer(() => processes.stop())
      const lastRun = () => metrics.snapshot().gauges.loop_process_count_last_run_seconds
      return { processes, counted: () => expect.poll(lastRun, SOON).toBeGreaterThan(0) }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const count = (started: { processes: { count: number } }) => () => started.processes.count

test('processes count each other, and one that stops is not counted any more', async () => {
  await using database = await countedDatabase()
  const [first, second, third] = [database.start(), database.start(), database.start()]
  for (const started of [first, second, third]) await expect.poll(count(started), SOON).toBe(3)
  expect(await database.ids()).toBe(3)
  await third.processes.stop()
  expect(await database.ids()).toBe(2)
  await expect.poll(count(first), SOON).toBe(2)
})

test('the count is as configured from the start, and never less', async () => {
  await using database = await countedDatabase()
  const started = database.start({ configured: 4 })
  expect(started.processes.count).toBe(4)
  await started.counted()
  expect(started.processes.count).toBe(4)
})

test('a process that was killed stops counting after 10 s of the database, and its row goes', async () => {
  await using database = await countedDatabase()
  await database.ask(`
    insert into tautline.process (id, started_at, seen_at)
    select gen_random_uuid(), now(), now() - age * interval '1 s'
    from unnest(array[-3600, 0, 1, 11, 30, 100, 1000]) as age`)
  const started = database.start()
  await started.counted()
  expect(started.processes.count).toBe(4) // itself, those just seen, one of a clock ahead
  expect(await database.ids()).toBe(6)
})

test('many rows of processes long gone are swept a few at a time', async () => {
  await using database = await countedDatabase()
  await database.ask(`
    insert into tautline.process (id, started_at, seen_at)
    select gen_random_uuid(), now(), now() - interval '1 day' from generate_series(1, 30)`)
  const started = database.start({ everyMs: 500 })
  await started.counted()
  expect(await database.ids()).toBe(11)
  await expect.poll(database.ids, SOON).toBe(1)
})

test('the last count holds while the database does not answer, and a stop waits for nothing', async () => {
  await using database = await countedDatabase()
  const [first, second] = [database.start(), database.start()]
  for (const started of [first, second]) await expect.poll(count(started), SOON).toBe(2)
  await database.ask('alter table tautline.process rename to elsewhere')
  await first.processes.stop()
  expect([first, second].map(({ processes }) => processes.count)).toEqual([2, 2])
})

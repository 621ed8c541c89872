import { sql, type Kysely } from 'kysely'
import { expect, test } from 'vitest'

import { defineApp, type FeatureLoop } from './app-definition.ts'
import { readLanes } from './app.ts'
import type { Db } from './db/database.ts'
import { createSharedDatabase } from './db/shared-database.fixture.ts'
import { slowApp } from './slow-app.fixture.ts'
import { startTestServer } from './testing/index.ts'

const migrations = {
  loop_0001_mark: {
    up: async (db: Kysely<unknown>) =>
      void (await sql`create table tautline.mark (process int not null)`.execute(db)),
  },
}

/** A backend that does nothing but its loop. */
const appWith = (loop: Pick<FeatureLoop, 'run'> & Partial<FeatureLoop>) =>
  defineApp({
    ...slowApp,
    features: {
      marks: {
        router: {},
        migrations,
        loops: { leave: { everyMs: 10, runsIn: 'every process', ...loop } },
      },
    },
  })

const leaveMark = async (db: Db, process = 0) =>
  void (await sql`insert into tautline.mark values (${process})`.execute(db))

async function marksOf(db: Db): Promise<number[]> {
  const { rows } = await sql<{ process: number }>`select process from tautline.mark`.execute(db)
  return rows.map((row) => row.process)
}

test('a loop of a feature runs while the server serves', async () => {
  await using server = await startTestServer(appWith({ run: ({ db }) => leaveMark(db) }))
  const { metrics, resources } = server.app
  await expect.poll(async () => (await marksOf(resources.db)).length).toBeGreaterThan(2)
  expect(metrics.snapshot().gauges.loop_marks_leave_last_run_seconds).toBeGreaterThan(0)
})

test('a stop cancels the query of a running turn, before the pool is closed', async () => {
  let ended: unknown
  const app = appWith({
    everyMs: 3_600_000,
    run: async ({ db }) => {
      await leaveMark(db)
      await sql`select pg_sleep(60)`.execute(db).catch((error: unknown) => (ended = error))
    },
  })
  await using server = await startTestServer(app)
  await expect.poll(() => marksOf(server.app.resources.db)).toEqual([0])
  await server.app.close()
  expect(ended).toMatchObject({ code: '57014' }) // query_canceled
  expect(server.logs.filter((line) => line.level !== 'info' && 'loop' in line)).toEqual([])
})

test('a loop for one process runs in one of two, and in the other once that has stopped', async () => {
  const appOf = (process: number) =>
    appWith({ runsIn: 'one process', run: ({ db }) => leaveMark(db, process) })
  await using shared = await createSharedDatabase(await readLanes(appOf(0)))
  const config = { database: shared.config }
  const marks = async (process: number) =>
    (await shared.ask(`select 1 from tautline.mark where process = ${process}`)).length

  await using first = await startTestServer(appOf(1), { config })
  await expect.poll(() => marks(1)).toBeGreaterThan(0)
  await using _second = await startTestServer(appOf(2), { config })
  const before = await marks(1)
  await expect.poll(() => marks(1)).toBeGreaterThan(before + 10)
  expect(await marks(2)).toBe(0)
  await first.app.close()
  await expect.poll(() => marks(2)).toBeGreaterThan(0)
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { app, desk, job, older, runs, startBeside } from './app-work.fixture.ts'
import { readLanes } from './app.ts'
import { openDirect } from './db/direct.ts'
import { migrateUp } from './db/migrations.ts'
import { createSharedDatabase } from './db/shared-database.fixture.ts'
import { openPeek, type Peek } from './features/tasks/peek.fixture.ts'
import { createLogger } from './platform/logger.ts'
import { startTestServer, type TestServer } from './testing/index.ts'

// Serves, and runs nothing by itself.
let server: TestServer<typeof app>
let peek: Peek
beforeAll(async () => {
  server = await startTestServer(app, { worker: false })
  peek = await openPeek(server)
})
afterAll(async () => {
  await peek[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})
beforeEach(() => {
  runs.splice(0)
  desk.letGo() // a handler that was told to end has left without a word
})

const anna = () => server.clientAs({ userId: 'anna' })
const stateOf = async (id: string) => (await anna().tasks.get.query({ id })).state
const becomes = (id: string, state: string) =>
  expect.poll(() => stateOf(id), { timeout: 10_000, interval: 20 }).toBe(state)

test('a server without a worker runs nothing, and one more process runs what it has accepted', async () => {
  const id = await anna().work.make.mutate({ what: 'a' })
  expect(server.app.metrics.snapshot().gauges).not.toHaveProperty('tasks_running')
  await using _ = await startBeside(server, app)
  await becomes(id, 'succeeded')
  expect(await anna().tasks.get.query({ id })).toMatchObject({ output: 1, attempt: 1 })
  expect(runs).toEqual(['a'])
})

test('a task that was cancelled and retried runs once: the delivery from before begins nothing', async () => {
  const id = await anna().work.make.mutate({ what: 'b', waits: true })
  // Somebody is just taking it, so that it stays.
  await peek.sql('begin')
  await peek.sql(`select from tautline_boss.job where data ->> 'taskId' = $1 for update`, [id])
  await anna().tasks.cancel.mutate({ id })
  await peek.sql('commit')
  expect(await peek.jobsOf(id)).toBe(1)
  // It was taken and lost before, so that its next attempt would have the greater number.
  const old = `
    update tautline_boss.job set state = 'retry', retry_count = 5, start_after = now() + $2
    where data ->> 'taskId' = $1`
  await peek.sql(old, [id, '1 hour'])
  await anna().tasks.retry.mutate({ id })
  await using _ = await startBeside(server, app)
  await desk.met(1)
  await peek.sql(`${old} and retry_count = 5`, [id, '0'])
  await expect.poll(() => peek.jobsOf(id), { timeout: 5_000 }).toBe(1)
  desk.letGo()
  await becomes(id, 'succeeded')
  expect(runs).toEqual(['b'])
  const { items } = await anna().tasks.events.query({ id })
  expect(items.map(({ type }) => type)).toEqual([
    'queued',
    'cancelled',
    'queued',
    'started',
    'succeeded',
  ])
})

test('a running task ends by a wish of its owner from another process', async () => {
  await using _ = await startBeside(server, app)
  const id = await anna().work.make.mutate({ what: 'c', waits: true })
  await desk.met(1)
  expect(await anna().tasks.cancel.mutate({ id })).toMatchObject({ state: 'running' })
  await becomes(id, 'cancelled')
  expect((await peek.sql('select from tautline.task_cancel')).rowCount).toBe(0)
})

test('a task that the build at work does not know waits for one that does', async () => {
  await using _ = await startBeside(server, older)
  const unknown = await anna().work.makeNewer.mutate({ what: 'new' })
  const known = await anna().work.make.mutate({ what: 'old' })
  await becomes(known, 'succeeded')
  expect(await stateOf(unknown)).toBe('queued')
  await using _knows = await startBeside(server, app)
  await becomes(unknown, 'succeeded')
  expect(runs).toEqual(['old', 'new'])
})

test('a schedule is one task at a time that has come, with two processes at work', async () => {
  await using one = await startBeside(server, app)
  await using _ = await startBeside(server, app)
  const nightly = `select from tautline.task where name = 'work.nightly'`
  const due = `update tautline.task_schedule set next_at = now() where name = 'work.nightly'`
  await expect.poll(async () => (await peek.sql(due)).rowCount).toBe(1)
  await expect.poll(() => runs, { timeout: 5_000 }).toEqual(['nightly'])
  const left = `select from tautline.task_schedule where next_at > now() and name = 'work.nightly'`
  expect((await peek.sql(left)).rowCount).toBe(1)
  expect((await peek.sql(nightly)).rowCount).toBe(1)
  expect(one.metrics.snapshot().counters.loop_failures_total).toBeUndefined()
})

test('a process that stops lets its tasks finish, and gives those back that take too long', async () => {
  const leaving = await startBeside(server, app, { drainTimeoutMs: 20_000 })
  const done = await anna().work.make.mutate({ what: 'd', waits: true })
  await desk.met(1)
  const closing = leaving.close()
  desk.letGo()
  await closing
  expect(await stateOf(done)).toBe('succeeded')

  const hurried = await startBeside(server, app, { drainTimeoutMs: 0 })
  const id = await anna().work.make.mutate({ what: 'e', waits: true })
  await desk.met(1)
  await hurried.close()
  // Not when its lease is over, but at once.
  const job = await peek.sql(`select state from tautline_boss.job where data ->> 'taskId' = $1`, [
    id,
  ])
  expect(job.rows).toEqual([{ state: 'retry' }])
  desk.letGo()
  await using _ = await startBeside(server, app)
  await desk.met(1)
  desk.letGo()
  await becomes(id, 'succeeded')
  expect(await anna().tasks.get.query({ id })).toMatchObject({ output: 2 })
  const { items } = await anna().tasks.events.query({ id })
  expect(items.map(({ type }) => type)).toEqual(['queued', 'started', 'started', 'succeeded'])
})

test('a process that begins to stop takes no more tasks, also while it still waits for calls', async () => {
  const leaving = await startBeside(server, app, { drainQuietMs: 1_000, drainTimeoutMs: 20_000 })
  await leaving.listen()
  await becomes(await anna().work.make.mutate({ what: 'h' }), 'succeeded')
  const closing = leaving.close()
  const id = await anna().work.make.mutate({ what: 'i' })
  await closing
  expect(runs).toEqual(['h'])
  await using _ = await startBeside(server, app)
  await becomes(id, 'succeeded')
})

test('a server starts before its database was migrated, says so, and gets to work by itself', async () => {
  await using shared = await createSharedDatabase()
  const database = { ...shared.config, poolSize: 5 }
  await using fresh = await startTestServer(app, { config: { database } })
  const client = fresh.clientAs({ userId: 'anna' })
  const refused = client.work.make.mutate({ what: 'f' })
  await expect(refused).rejects.toMatchObject({ reason: 'UNAVAILABLE', retryable: true })
  expect(JSON.stringify(fresh.logs)).toContain('the queues of tasks are not there yet')

  await using direct = openDirect(database, createLogger('silent'))
  await migrateUp(direct.db, await readLanes(app))
  const make = () => client.work.make.mutate({ what: 'f' }).catch(() => '')
  await expect.poll(make, { timeout: 10_000, interval: 100 }).not.toBe('')
  await expect.poll(() => runs, { timeout: 5_000 }).toEqual(['f'])
})

test('a process starts while its database is away, accepts nothing, and stops all the same', async () => {
  await using away = await startBeside({ databaseUrl: 'postgres://127.0.0.1:1/none' }, app)
  const { db, tasks } = away.resources
  const accepting = tasks.accept(db, { task: job, input: { what: 'g' }, owner: null })
  await expect(accepting).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
})

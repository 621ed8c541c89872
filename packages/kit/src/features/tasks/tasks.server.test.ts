import { randomUUID } from 'node:crypto'

import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '../../testing/index.ts'
import { openPeek, type Peek } from './peek.fixture.ts'
import { app, MAX_UNFINISHED } from './tasks-app.fixture.ts'

// Nobody works: a task is where the test puts it.
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

/** Somebody who has no task yet. */
const somebody = () => server.clientAs({ userId: randomUUID() })

type Somebody = ReturnType<typeof somebody>

const make = async (client: Somebody, note = 'x') => (await client.work.make.mutate({ note })).id

const setState = (id: string, state: string) =>
  peek.sql(
    `update tautline.task set state = $2, finished_at = now(), error = 'It did not work.'
     where id = $1`,
    [id, state],
  )

describe('tasks.get', () => {
  test('shows a task to its owner, from its first moment on', async () => {
    const anna = somebody()
    const id = await make(anna)
    expect(await anna.tasks.get.query({ id: id.toUpperCase() })).toEqual({
      id,
      name: 'work.report',
      state: 'queued',
      attempt: 0,
      progress: null,
      output: null,
      error: null,
      createdAt: expect.any(Date),
      startedAt: null,
      finishedAt: null,
      lastSeq: 1,
    })
  })

  test('shows how far it is, and what came of it as its task said it', async () => {
    const anna = somebody()
    const id = await make(anna)
    await peek.sql(
      `update tautline.task set progress_current = 2, progress_total = 5, progress_message = 'two',
         state = 'succeeded', finished_at = now(),
         output = '{"json":{"at":"1970-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}'
       where id = $1`,
      [id],
    )
    expect(await anna.tasks.get.query({ id })).toMatchObject({
      progress: { current: 2, total: 5, message: 'two' },
      output: { at: new Date(0) },
    })
  })
})

test('nobody but its owner sees a task, or does anything to it', async () => {
  const anna = somebody()
  const [waiting, id] = [await make(anna), await make(anna)]
  await setState(id, 'dead')
  const strangers = [somebody(), server.clientAs({ userId: 'chief', roles: ['admin'] })]
  for (const { tasks } of strangers) {
    const asked = await Promise.allSettled([
      tasks.get.query({ id }),
      tasks.events.query({ id }),
      tasks.cancel.mutate({ id }),
      tasks.cancel.mutate({ id: waiting }),
      tasks.retry.mutate({ id }),
      tasks.get.query({ id: randomUUID() }),
    ])
    for (const one of asked) expect(one).toMatchObject({ reason: { reason: 'TASK_NOT_FOUND' } })
    expect((await tasks.list.query()).items).toEqual([])
  }
  const nobody = server.client().tasks.get.query({ id })
  await expect(nobody).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
  const { db, tasks } = server.app.resources
  expect(await tasks.cancel(db, { id: waiting, owner: 'berta' })).toEqual({ is: 'unknown' })
  expect(await tasks.redrive(db, { id, owner: 'berta' })).toEqual({ is: 'unknown' })
  expect(await anna.tasks.get.query({ id })).toMatchObject({ state: 'dead', lastSeq: 1 })
  expect(await anna.tasks.get.query({ id: waiting })).toMatchObject({ state: 'queued' })
})

test('tasks.list shows one’s tasks, newest first, page by page, of a state or a name', async () => {
  const anna = somebody()
  const ids: string[] = []
  for (let made = 0; made < 4; made++) ids.unshift(await make(anna))
  const { id: single } = await anna.work.makeSingle.mutate({ key: 'x' })
  await setState(ids[1] ?? '', 'failed')

  const first = await anna.tasks.list.query({ limit: 3 })
  const cursor = first.nextCursor
  const second = await anna.tasks.list.query({ limit: 3, cursor })
  const shown = [...first.items, ...second.items]
  expect(shown.map(({ id }) => id)).toEqual([single, ...ids])
  expect(second.nextCursor).toBeNull()
  expect(shown.every((item) => !('output' in item))).toBe(true)

  const listed = async (filter: Parameters<typeof anna.tasks.list.query>[0]) =>
    (await anna.tasks.list.query(filter)).items.map(({ id }) => id)
  expect(await listed({ name: 'work.single' })).toEqual([single])
  expect(await listed({ state: 'failed' })).toEqual([ids[1]])
  expect(await listed({ state: 'queued', name: 'work.report' })).toEqual(
    ids.filter((_, index) => index !== 1),
  )
  const mixed = anna.tasks.list.query({ limit: 3, cursor, name: 'work.single' })
  await expect(mixed).rejects.toMatchObject({ reason: 'BAD_INPUT' })
})

test('tasks.events tells what happened, in order, from any place on', async () => {
  const anna = somebody()
  const id = await make(anna)
  await anna.tasks.cancel.mutate({ id })
  await anna.tasks.retry.mutate({ id })
  const { items, state, lastSeq } = await anna.tasks.events.query({ id })
  expect(items.map(({ seq, type, attempt, data }) => [seq, type, attempt, data])).toEqual([
    [1, 'queued', 0, {}],
    [2, 'cancelled', 0, {}],
    [3, 'queued', 0, {}],
  ])
  expect([state, lastSeq]).toEqual(['queued', 3])
  const some = await anna.tasks.events.query({ id, afterSeq: 1, limit: 1 })
  expect(some.items.map(({ seq }) => seq)).toEqual([2])
})

describe('tasks.cancel', () => {
  test('ends a task that waits at once, and says of one that has ended how it did', async () => {
    const anna = somebody()
    const id = await make(anna)
    const cancelled = await anna.tasks.cancel.mutate({ id })
    expect(cancelled).toMatchObject({ state: 'cancelled', finishedAt: expect.any(Date) })
    const again = anna.tasks.cancel.mutate({ id })
    await expect(again).rejects.toMatchObject({
      reason: 'TASK_FINISHED',
      data: { state: 'cancelled' },
    })
    expect((await peek.sql('select from tautline.task_cancel')).rowCount).toBe(0)
  })

  test('waits for nobody who holds the task, and what was wished comes true after them', async () => {
    const anna = somebody()
    const id = await make(anna)
    const holder = new Client({ connectionString: server.databaseUrl })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select from tautline.task where id = $1 for update', [id])
    // One that waited would be refused after the two seconds that a lock is waited for.
    expect(await anna.tasks.cancel.mutate({ id })).toMatchObject({ state: 'queued' })
    await holder.query('rollback')
    await holder.end()
    const stateOf = async () => (await anna.tasks.get.query({ id })).state
    await expect.poll(stateOf, { timeout: 10_000 }).toBe('cancelled')
    expect((await peek.sql('select from tautline.task_cancel')).rowCount).toBe(0)
  })
})

describe('tasks.retry', () => {
  test('gives a task that failed a new job, once, and no other', async () => {
    const anna = somebody()
    const id = await make(anna)
    await expect(anna.tasks.retry.mutate({ id })).rejects.toMatchObject({
      reason: 'TASK_NOT_RETRYABLE',
      data: { state: 'queued' },
    })
    for (const state of ['failed', 'dead', 'cancelled']) {
      const before = await peek.task(id)
      await setState(id, state)
      const retried = await anna.tasks.retry.mutate({ id })
      expect(retried).toMatchObject({ state: 'queued', error: null, finishedAt: null })
      const after = await peek.task(id)
      expect(after?.job_id).not.toBe(before?.job_id)
      expect(after).toMatchObject({ failures: 0 })
    }
    await setState(id, 'succeeded')
    await expect(anna.tasks.retry.mutate({ id })).rejects.toMatchObject({
      reason: 'TASK_NOT_RETRYABLE',
      data: { state: 'succeeded' },
    })
    expect(await peek.jobsOf(id)).toBe(4) // those from before will begin nothing
  })

  test('forgets the wish that it end', async () => {
    const anna = somebody()
    const id = await make(anna)
    await setState(id, 'dead')
    await peek.sql('insert into tautline.task_cancel values ($1)', [id])
    await anna.tasks.retry.mutate({ id })
    expect((await peek.sql('select from tautline.task_cancel')).rowCount).toBe(0)
  })

  test('is held to what one may have unfinished, also when all are retried at once', async () => {
    const anna = somebody()
    const ids: string[] = []
    for (let made = 0; made < MAX_UNFINISHED; made++) ids.push(await make(anna))
    const dead = ids.slice(0, 4)
    for (const id of dead) await setState(id, 'dead')
    for (let made = 0; made < 2; made++) await make(anna)
    const settled = await Promise.allSettled(dead.map((id) => anna.tasks.retry.mutate({ id })))
    const refused = settled.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(2)
    for (const one of refused) expect(one).toMatchObject({ reason: { reason: 'TOO_MANY_TASKS' } })
  })

  test('is refused while another task of its key is unfinished', async () => {
    const anna = somebody()
    const { id } = await anna.work.makeSingle.mutate({ key: 'x' })
    await setState(id, 'dead')
    const { id: duplicateOf } = await anna.work.makeSingle.mutate({ key: 'x' })
    await expect(anna.tasks.retry.mutate({ id })).rejects.toMatchObject({
      reason: 'TASK_NOT_RETRYABLE',
      data: { state: 'dead', duplicateOf },
    })
  })

  test('knows nothing of a task that is being deleted', async () => {
    const anna = somebody()
    const id = await make(anna)
    await setState(id, 'dead')
    await peek.sql('delete from tautline.task_event where task_id = $1 and seq = 1', [id])
    const retried = anna.tasks.retry.mutate({ id })
    await expect(retried).rejects.toMatchObject({ reason: 'TASK_NOT_FOUND' })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startNotifiedServer, type NotifiedServer } from './notifications-app.fixture.ts'

let server: NotifiedServer
beforeAll(async () => {
  server = await startNotifiedServer({ worker: true })
})
afterAll(() => server[Symbol.asyncDispose]())

type Somebody = ReturnType<NotifiedServer['somebody']>

/** Resolves when a task is in this state. */
async function untilIn(state: string, { client }: Somebody, id: string): Promise<void> {
  const get = async () => (await client.tasks.get.query({ id })).state
  await expect.poll(get, { timeout: 10_000, interval: 20 }).toBe(state)
}

describe('each end of a task', () => {
  test('is one notification of its owner, whichever end it is', async () => {
    const anna = server.somebody()
    const make = (way: 'succeeds' | 'refuses' | 'breaks' | 'waits', delayMs = 0) =>
      anna.client.work.make.mutate({ way, delayMs })
    const ends = [
      { id: await make('succeeds'), state: 'succeeded', error: null },
      { id: await make('refuses'), state: 'failed', error: 'The caller may not do this.' },
      { id: await make('breaks'), state: 'dead', error: 'Something went wrong.' },
    ]
    const [waiting, running] = [await make('succeeds', 60_000), await make('waits')]
    await untilIn('running', anna, running)
    for (const id of [waiting, running]) {
      await anna.client.tasks.cancel.mutate({ id })
      ends.push({ id, state: 'cancelled', error: null })
    }
    for (const { id, state } of ends) await untilIn(state, anna, id)
    const { items, ...rest } = await anna.client.notifications.list.query()
    expect(rest).toEqual({ nextCursor: null, unread: 5, lastSeq: 5 })
    expect(items.map(({ seq }) => seq)).toEqual([5, 4, 3, 2, 1])
    expect(items.map(({ taskId }) => taskId).sort()).toEqual(ends.map(({ id }) => id).sort())
    for (const { id, state, error } of ends) {
      expect(items.find(({ taskId }) => taskId === id)).toEqual({
        id: expect.any(String),
        seq: expect.any(Number),
        kind: 'task',
        taskId: id,
        name: 'work.do',
        state,
        error,
        readAt: null,
        createdAt: expect.any(Date),
      })
    }
    // Somebody else's hook has failed at each of them.
    const failures = server.logs.filter(({ msg }) => String(msg).startsWith('somebody could not'))
    expect(failures.map(({ taskId }) => String(taskId)).sort()).toEqual(
      ends.map(({ id }) => id).sort(),
    )
  })

  test('is another one when the task is tried anew', async () => {
    const anna = server.somebody()
    const id = await anna.client.work.make.mutate({ way: 'breaks' })
    await untilIn('dead', anna, id)
    await anna.client.tasks.retry.mutate({ id })
    const list = async () => (await anna.client.notifications.list.query()).items
    await expect.poll(async () => (await list()).length, { timeout: 10_000 }).toBe(2)
    expect((await list()).map(({ taskId }) => taskId)).toEqual([id, id])
  })

  test('that is rolled back is none', async () => {
    const anna = server.somebody()
    const id = await anna.client.work.make.mutate({ way: 'loses its job' })
    const lost = () => server.counters()['task_attempts_total{task="work.do",outcome="lost"}']
    await expect.poll(lost, { timeout: 10_000 }).toBe(1)
    expect(await anna.client.tasks.get.query({ id })).toMatchObject({ state: 'running' })
    expect(await anna.client.notifications.list.query()).toMatchObject({ items: [], unread: 0 })
  })

  test('of the backend’s own tasks is nobody’s', async () => {
    const anna = server.somebody()
    const id = await anna.client.work.make.mutate({ way: 'succeeds', isOwned: false })
    const finished = `select id from tautline.task where id = $1 and finished_at is not null`
    await expect
      .poll(async () => (await server.ask(finished, [id])).length, { timeout: 10_000 })
      .toBe(1)
    const left = `select id from tautline.notification where task_id = $1`
    expect(await server.ask(left, [id])).toEqual([])
  })
})

describe('notifications.list', () => {
  test('shows the newest first, page by page, and those that were not read alone', async () => {
    const { owner, client } = server.somebody()
    const { notifications } = client
    await server.end(owner, 5)
    const first = await notifications.list.query({ limit: 2 })
    expect(first).toMatchObject({ unread: 5, lastSeq: 5 })
    await server.end(owner)
    const second = await notifications.list.query({ limit: 2, cursor: first.nextCursor })
    const third = await notifications.list.query({ limit: 2, cursor: second.nextCursor })
    const seqs = [first, second, third].map(({ items }) => items.map(({ seq }) => seq))
    expect(seqs).toEqual([[5, 4], [3, 2], [1]])
    expect(third.nextCursor).toBeNull()

    await notifications.markRead.mutate({ upTo: 4 })
    const unread = await notifications.list.query({ unread: true })
    expect(unread.items.map(({ seq, readAt }) => [seq, readAt])).toEqual([
      [6, null],
      [5, null],
    ])
    const misused = notifications.list.query({ unread: true, cursor: first.nextCursor })
    await expect(misused).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })
})

describe('notifications.markRead', () => {
  test('marks some, or all up to one, once', async () => {
    const { owner, client } = server.somebody()
    const { notifications } = client
    await server.end(owner, 5)
    const { items } = await notifications.list.query()
    const ids = items.filter(({ seq }) => seq === 2 || seq === 5).map(({ id }) => id)
    expect(await notifications.markRead.mutate({ ids })).toEqual({ marked: 2, unread: 3 })
    const [newest] = (await notifications.list.query({ limit: 1 })).items
    expect(newest?.readAt).toEqual(expect.any(Date))
    expect(await notifications.markRead.mutate({ ids })).toEqual({ marked: 0, unread: 3 })
    expect((await notifications.list.query({ limit: 1 })).items).toEqual([newest])
    expect(await notifications.markRead.mutate({ upTo: 4 })).toEqual({ marked: 3, unread: 0 })
  })

  test('takes either ids or a number', async () => {
    const { notifications } = server.somebody().client
    const ids = [crypto.randomUUID()]
    expect(await notifications.markRead.mutate({ ids })).toEqual({ marked: 0, unread: 0 })
    // oxlint-disable-next-line typescript/consistent-type-assertions -- what no type lets through
    for (const input of [{}, { ids: [] }, { ids, upTo: 1 }] as never[]) {
      const refused = notifications.markRead.mutate(input)
      await expect(refused).rejects.toMatchObject({ reason: 'BAD_INPUT' })
    }
  })
})

test('nobody sees the notifications of others, or marks them', async () => {
  const anna = server.somebody()
  await server.end(anna.owner, 2)
  const ids = (await anna.client.notifications.list.query()).items.map(({ id }) => id)
  const strangers = [
    server.somebody().client,
    server.clientAs({ userId: anna.userId, tenantId: 'elsewhere' }),
    server.clientAs({ userId: anna.userId, issuer: 'https://issuer.example' }),
    server.clientAs({ userId: 'chief', roles: ['admin'] }),
  ]
  for (const { notifications } of strangers) {
    const nothing = { items: [], nextCursor: null, unread: 0, lastSeq: 0 }
    expect(await notifications.list.query()).toEqual(nothing)
    expect(await notifications.markRead.mutate({ ids })).toMatchObject({ marked: 0 })
    expect(await notifications.markRead.mutate({ upTo: 9 })).toMatchObject({ marked: 0 })
  }
  expect(await anna.client.notifications.list.query()).toMatchObject({ unread: 2 })
  await expect(server.client().notifications.list.query()).rejects.toMatchObject({
    reason: 'UNAUTHENTICATED',
  })
})

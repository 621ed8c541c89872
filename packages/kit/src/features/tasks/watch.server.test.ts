import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { watchTask, watchTasks } from '@tautline/client'

import { startWatchServer, type WatchServer } from './watch-app.fixture.ts'

let server: WatchServer
beforeAll(async () => {
  server = await startWatchServer()
})
afterAll(() => server[Symbol.asyncDispose]())

let people = 0
/** Somebody who has no stream yet. */
function somebody() {
  const userId = `user-${++people}`
  return { userId, client: server.clientAs({ userId }) }
}

async function all<T>(items: AsyncIterable<T>, count = Infinity): Promise<T[]> {
  const got: T[] = []
  for await (const item of items) if (got.push(item) === count) break
  return got
}

const reasonOf = (items: AsyncIterable<unknown>) =>
  all(items).then(
    () => 'none',
    (error: unknown) => (error instanceof Error && 'reason' in error ? error.reason : error),
  )

const open = () => server.gauges()['rpc_streams_open']

describe('tasks.watch', () => {
  test('sends what was, what comes, and ends with the task', async () => {
    const { userId, client } = somebody()
    const id = await server.addTask(userId, 2)
    const watching = watchTask(client, id)
    expect(await watching.next()).toEqual({
      done: false,
      value: {
        seq: 1,
        type: 'custom',
        attempt: 1,
        at: expect.any(Date),
        data: { name: 'n', data: 0 },
      },
    })
    const rest = all(watching)
    await server.finish(id)
    expect((await rest).map(({ seq, type }) => [seq, type])).toEqual([
      [2, 'custom'],
      [3, 'dead'],
    ])
  })

  test('goes on behind the event that is known, by the id under which it was sent', async () => {
    const { userId, client } = somebody()
    const id = await server.addTask(userId, 5)
    await server.finish(id)
    const [first] = await all(client.tasks.watch.subscribe({ id, lastEventId: '2' }), 1)
    expect(first).toMatchObject({ id: '3', data: { seq: 3 } })
    expect((await all(watchTask(client, id, { afterSeq: 4 }))).map(({ seq }) => seq)).toEqual([
      5, 6,
    ])
    expect(await all(watchTask(client, id, { afterSeq: 6 }))).toEqual([])
  })

  test.each(['-1', '1.5', '01', '3000000000', 'x', ''])(
    'refuses %j as an id',
    async (lastEventId) => {
      const { userId, client } = somebody()
      const id = await server.addTask(userId, 1)
      expect(await reasonOf(client.tasks.watch.subscribe({ id, lastEventId }))).toBe('BAD_INPUT')
    },
  )

  test('is for the owner of a task, and refuses an event that is not there yet', async () => {
    const { userId, client } = somebody()
    const id = await server.addTask(userId, 3)
    expect(await reasonOf(watchTask(client, id, { afterSeq: 4 }))).toBe('BAD_INPUT')
    expect(await reasonOf(watchTask(client, crypto.randomUUID()))).toBe('TASK_NOT_FOUND')
    expect(await reasonOf(watchTask(somebody().client, id))).toBe('TASK_NOT_FOUND')
    expect(await reasonOf(watchTask(server.client(), id))).toBe('UNAUTHENTICATED')
    expect(await reasonOf(watchTask(client, 'no id'))).toBe('BAD_INPUT')
  })

  test('is let go of by whoever leaves the loop, also while they wait', async () => {
    const { userId, client } = somebody()
    const id = await server.addTask(userId, 1)
    await all(watchTask(client, id), 1)
    const watching = watchTask(client, id)
    await watching.next()
    const next = watching.next()
    expect(await watching.return?.()).toMatchObject({ done: true })
    expect(await next).toMatchObject({ done: true })
    await expect.poll(open).toBe(0)
  })

  test('has so many streams for one user', async () => {
    const { userId, client } = somebody()
    const ids = [await server.addTask(userId, 1), await server.addTask(userId, 1)]
    const [id = ''] = ids
    const streams = [watchTask(client, id), watchTask(client, id), watchTasks(client, ids)]
    for (const stream of streams) await stream.next()
    expect(await reasonOf(watchTask(client, id))).toBe('RATE_LIMITED')
    const other = somebody()
    await all(watchTask(other.client, await server.addTask(other.userId, 1)), 1)
    await streams[0]?.return?.()
    await expect.poll(open).toBe(2)
    await all(watchTask(client, id), 1)
    for (const stream of streams) await stream.return?.()
  })
})

describe('tasks.watchMany', () => {
  test('sends the events of each task in order, and ends with the last of them', async () => {
    const { userId, client } = somebody()
    const ids = [await server.addTask(userId, 120), await server.addTask(userId, 2)]
    const watching = all(watchTasks(client, ids))
    for (const id of ids) await server.finish(id)
    const events = await watching
    for (const [index, id] of ids.entries()) {
      const seqs = events.filter(({ taskId }) => taskId === id).map(({ seq }) => seq)
      expect(seqs).toEqual(Array.from({ length: index === 0 ? 121 : 3 }, (_, n) => n + 1))
    }
  })

  test('goes on wherever it was cut off', async () => {
    const { userId, client } = somebody()
    const ids = [await server.addTask(userId, 60), await server.addTask(userId, 60)]
    for (const id of ids) await server.finish(id)
    const seen: string[] = []
    let lastEventId: string | undefined
    for (const count of [1, 49, 13, Infinity]) {
      const input = { ids, ...(lastEventId !== undefined && { lastEventId }) }
      for (const { id, data } of await all(client.tasks.watchMany.subscribe(input), count)) {
        lastEventId = id
        seen.push(`${ids.indexOf(data.taskId)} ${data.seq}`)
      }
    }
    expect(seen).toHaveLength(122)
    expect(new Set(seen).size).toBe(122)
    const swapped = { ids: ids.toReversed(), lastEventId: lastEventId ?? '' }
    expect(await reasonOf(client.tasks.watchMany.subscribe(swapped))).toBe('BAD_INPUT')
  })

  test('is for the owner of all of them, and for no task twice', async () => {
    const [one, other] = [somebody(), somebody()]
    const id = await server.addTask(one.userId, 1)
    const theirs = await server.addTask(other.userId, 1)
    expect(await reasonOf(watchTasks(one.client, [id, theirs]))).toBe('TASK_NOT_FOUND')
    expect(await reasonOf(watchTasks(one.client, [id, id.toUpperCase()]))).toBe('BAD_INPUT')
    expect(await reasonOf(watchTasks(one.client, []))).toBe('BAD_INPUT')
    const many = Array.from({ length: 51 }, () => crypto.randomUUID())
    expect(await reasonOf(watchTasks(one.client, many))).toBe('BAD_INPUT')
  })
})

import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { isFailure } from '@tautline/shared'

import { within } from '../platform/call-scope.ts'
import { all, numbersOf, openReaders, upTo, type Readers } from './follow.fixture.ts'

/** Whom only the doorbell tells. */
let it: Readers
beforeAll(async () => {
  it = await openReaders()
})
afterAll(() => it[Symbol.asyncDispose]())

const { signal } = new AbortController()

const watch = (id: string, after = 0) =>
  it.readers.watch({ owner: 'anna', tasks: [{ id, after }], signal })

const failureOf = (watching: AsyncIterator<unknown>) =>
  watching.next().then(
    () => 'none',
    (error: unknown) => (isFailure(error) ? error.reason : error),
  )

const SOON = { timeout: 10_000 }

/** Resolves when it waits for what comes. */
async function untilFollowed(count: number): Promise<void> {
  await expect.poll(() => it.gauges()['task_feeds']).toBe(count)
}

describe('a watcher', () => {
  test('gets what was, then what comes, and ends with the task', async () => {
    const id = await it.addTask({ events: 3 })
    const watching = watch(id)
    for (const seq of [1, 2, 3]) expect((await watching.next()).value).toMatchObject({ seq })
    const coming = watching.next()
    await it.emit(id)
    expect((await coming).value).toEqual({
      taskId: id,
      seq: 4,
      type: 'custom',
      attempt: 0,
      at: expect.any(Date),
      data: { name: 'n', data: 0 },
      length: expect.any(Number),
    })
    await it.finish(id)
    expect((await all(watching)).map(({ seq, type }) => [seq, type])).toEqual([[5, 'dead']])
  })

  test('resumes after the event that it has', async () => {
    const id = await it.addTask({ events: 5 })
    await it.finish(id)
    expect((await all(watch(id, 3))).map(({ seq }) => seq)).toEqual([4, 5, 6])
    expect(await all(watch(id, 6))).toEqual([])
  })

  test('misses nothing and gets nothing twice, whenever it begins', async () => {
    const ids = await it.addTasks(4)
    const writing = ids.map(async (id) => {
      await it.emit(id, 60)
      await it.finish(id)
    })
    const watchers: Promise<number[][]>[] = []
    const state = { isWritten: false }
    const written = Promise.all(writing).then(() => (state.isWritten = true))
    while (!state.isWritten) {
      const tasks = ids.map((id) => ({ id, after: 0 }))
      watchers.push(numbersOf(it.readers, { tasks }))
      await delay(3)
    }
    await written
    expect(watchers.length).toBeGreaterThan(10)
    for (const numbers of await Promise.all(watchers)) {
      expect(numbers).toEqual(ids.map(() => upTo(61)))
    }
  })

  test('gets what comes while its task is being read', async () => {
    const id = await it.addTask({ events: 1 })
    const watching = watch(id)
    await watching.next()
    const rest = all(watching)
    const ring = `select pg_notify('tautline_task', '${id}')`
    await it.ask(ring)
    await it.heard()
    it.way.hold()
    await it.ask(ring)
    await expect.poll(() => it.way.held).toBeGreaterThan(0) // it has read, and does not know it yet
    await it.finish(id)
    await it.heard()
    it.way.release()
    expect((await rest).map(({ seq }) => seq)).toEqual([2])
  })

  test('that reads slowly reads from the database what is not held for it', async () => {
    const id = await it.addTask({ events: 1_200 })
    const slow = watch(id)
    expect((await slow.next()).value).toMatchObject({ seq: 1 })
    const fast = watch(id, 1_200)
    const next = fast.next()
    await it.emit(id)
    expect((await next).value).toMatchObject({ seq: 1_201 })
    await it.finish(id)
    expect((await all(slow)).map(({ seq }) => seq)).toEqual(upTo(1_202, 2))
    expect((await all(fast)).map(({ seq }) => seq)).toEqual([1_202])
  })

  test('is told that there is no such task, also of one of somebody else', async () => {
    const [mine, theirs] = [await it.addTask(), await it.addTask({ owner: 'berta' })]
    expect(await failureOf(watch(crypto.randomUUID()))).toBe('TASK_NOT_FOUND')
    expect(await failureOf(watch(theirs))).toBe('TASK_NOT_FOUND')
    const both = [mine, theirs].map((id) => ({ id, after: 0 }))
    expect(await failureOf(it.readers.watch({ owner: 'anna', tasks: both, signal }))).toBe(
      'TASK_NOT_FOUND',
    )
  })

  test('is refused with an event that is not there yet', async () => {
    const id = await it.addTask({ events: 3 })
    expect(await failureOf(watch(id, 4))).toBe('BAD_INPUT')
  })

  test('is told when its task, or a part of it, is deleted', async () => {
    const [id, other] = [await it.addTask({ events: 3 }), await it.addTask({ events: 3 })]
    await it.ask(`delete from tautline.task_event where task_id = '${other}' and seq < 3`)
    expect(await failureOf(watch(other))).toBe('TASK_NOT_FOUND')
    const large = await it.addTask({ events: 1_200 })
    const slow = watch(large)
    await slow.next()
    await it.ask(`update tautline.task set last_seq = 1 where id = '${large}'`)
    await it.ask(`delete from tautline.task_event where task_id = '${large}' and seq > 1`)
    await expect(all(slow)).rejects.toMatchObject({ reason: 'TASK_NOT_FOUND' })
    const watching = watch(id, 2)
    await watching.next()
    const end = failureOf(watching)
    await it.remove(id)
    await it.ask(`select pg_notify('tautline_task', '${id}')`)
    expect(await end).toBe('TASK_NOT_FOUND')
  })

  test('whose task has ended is not woken by its redrive; who comes later sees both', async () => {
    const id = await it.addTask({ events: 1 })
    const early = watch(id)
    await early.next()
    const rest = all(early)
    await it.finish(id)
    await rest
    await it.redrive(id)
    expect((await early.next()).done).toBe(true)
    const late = numbersOf(it.readers, { tasks: [{ id, after: 0 }] })
    await untilFollowed(1)
    await it.finish(id)
    expect(await late).toEqual([upTo(4)])
  })

  test('that is aborted ends with the reason, and leaves nothing behind', async () => {
    const id = await it.addTask({ events: 2 })
    const controller = new AbortController()
    const tasks = [{ id, after: 0 }]
    const watching = it.readers.watch({ owner: 'anna', tasks, signal: controller.signal })
    await watching.next()
    await watching.next()
    const end = watching.next()
    await untilFollowed(1)
    controller.abort(new Error('enough'))
    await expect(end).rejects.toThrow('enough')
    await expect
      .poll(() => it.gauges())
      .toMatchObject({ task_feeds: 0, task_bells: 0, task_feeds_text_bytes: 0 })
  })

  /** The rest of what one reads who is far behind, as their stream reads it: without an end by itself. */
  async function restOf(id: string, after: () => unknown) {
    const spent = { queries: 0, queryMs: 0, waitMs: 0 }
    const [kind, procedure] = ['subscription', 'tasks.watch'] as const
    const scope = { requestId: '', procedure, kind, signal, spent, changes: 0 }
    const watching = watch(id)
    await within(scope, () => watching.next())
    await after()
    return within(scope, () => all(watching))
  }

  test('that is far behind waits for a database that has gone silent for some seconds only', async () => {
    const rest = restOf(await it.addTask({ events: 1_500 }), () => it.way.hold())
    await expect(rest).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    it.way.release()
  })

  test('that is far behind is to come again where the database is slow', async () => {
    const rest = restOf(await it.addTask({ events: 1_500 }), async () => {
      await it.ask('begin')
      await it.ask('lock table tautline.task_event')
    })
    await expect(rest).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    await it.ask('rollback')
  })

  test('goes on when the connection that listens is lost', async () => {
    const id = await it.addTask({ events: 1 })
    const watching = watch(id)
    await watching.next()
    const rest = all(watching)
    expect(await it.deafen()).toHaveLength(1)
    await it.emit(id)
    await it.finish(id)
    expect((await rest).map(({ seq }) => seq)).toEqual([2, 3])
  })
})

test('forty who watch five tasks cost hardly more statements than one', async () => {
  const ids = await it.addTasks(5)
  const tasks = ids.map((id) => ({ id, after: 0 }))
  const before = it.reads()
  const watchers = upTo(40).map(() => numbersOf(it.readers, { tasks }))
  await untilFollowed(5)
  await Promise.all(
    ids.map(async (id) => {
      await it.emit(id, 10)
      await it.finish(id)
    }),
  )
  for (const numbers of await Promise.all(watchers))
    expect(numbers).toEqual(ids.map(() => upTo(11)))
  // Each read takes in what has come in 20 ms; were it one for each event or watcher: 55 and 2,200.
  expect(it.reads() - before).toBeLessThanOrEqual(40)
})

test('whoever is rung for waits for none of those who are looked at now and then', async () => {
  await using busy = await openReaders(100) // more often than all of them can be looked at
  const ids = await busy.addTasks(2_000)
  const controller = new AbortController()
  const tasks = ids.map((id) => ({ id, after: 0 }))
  const watching = busy.readers.watch({ owner: 'anna', tasks, signal: controller.signal })
  const waits: number[] = []
  for (const id of ids.slice(0, 10)) {
    const next = watching.next()
    await expect.poll(busy.reads, SOON).toBeGreaterThan(50) // each was read for the first time
    const rungAt = busy.reads()
    await busy.emit(id)
    expect((await next).value).toMatchObject({ taskId: id })
    waits.push(busy.reads() - rungAt)
  }
  expect(Math.max(...waits)).toBeLessThanOrEqual(5) // of 23 that look at all of them
  controller.abort()
})

test('what no doorbell tells is found a while later', async () => {
  await using patient = await openReaders(50)
  const id = await patient.addTask({ events: 1 })
  const tasks = [{ id, after: 0 }]
  const watching = numbersOf(patient.readers, { tasks, count: 2 })
  await expect.poll(() => patient.reads()).toBeGreaterThan(0)
  await patient.addInSilence(id)
  expect(await watching).toEqual([[1, 2]])
})

test('readers that close end every watch', async () => {
  await using closing = await openReaders()
  const id = await closing.addTask()
  const watching = closing.readers.watch({ owner: 'anna', tasks: [{ id, after: 0 }], signal })
  const end = failureOf(watching)
  await expect.poll(() => closing.gauges()['task_feeds']).toBe(1)
  await closing.readers.close()
  expect(await end).toBe('UNAVAILABLE')
  expect(
    await failureOf(closing.readers.watch({ owner: 'anna', tasks: [{ id, after: 0 }], signal })),
  ).toBe('UNAVAILABLE')
})

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { TaskStopped } from './attempt-stopped.ts'
import {
  gate,
  openTaskWorld,
  startTask,
  untilAborted,
  type TaskWorld,
  type TestContext,
} from './worker-world.fixture.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await openTaskWorld()
  await world.ask('create table note (by integer not null)')
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(() => world.ask('truncate note'))

/** Effects that no attempt of these tests may have. */
let prints = 0

const note = (ctx: TestContext) =>
  ctx.transaction((db) => sql`insert into note values (${ctx.task.attempt})`.execute(db))

const notes = async () =>
  (await world.ask<{ by: number }>('select by from note')).map(({ by }) => by)

/** What the first attempt does once it is lost and does not know; the second one succeeds. */
async function losing(late: (ctx: TestContext) => Promise<unknown>) {
  const [begun, lost] = [gate(), gate()]
  const came: unknown[] = []
  const done = gate()
  const { id } = await startTask(world, async ({ ctx }) => {
    if (ctx.task.attempt > 1) return 'second'
    begun.open()
    await lost.opened
    came.push(await late(ctx).catch((error: unknown) => error))
    came.push(ctx.signal.reason)
    done.open()
    return 'first'
  })
  await begun.opened
  await world.expire(id)
  const seen = await world.when(id, 'succeeded')
  lost.open()
  await done.opened
  return { id, seen, came, after: await world.see(id) }
}

test.each<[string, (ctx: TestContext) => Promise<unknown>]>([
  ['transaction', note],
  ['event', (ctx) => ctx.emit('page', { page: 1 })],
  ['event in a transaction', (ctx) => ctx.transaction(() => ctx.emit('page', { page: 1 }))],
  ['step', (ctx) => ctx.step('print', async () => void prints++)],
])('a %s of an attempt that is lost is refused, and stops it', async (_, late) => {
  const { seen, came, after, id } = await losing(late)
  expect(seen).toMatchObject({ attempt: 2, output: 'second', failures: 0 })
  expect(came).toEqual([new TaskStopped('lost'), new TaskStopped('lost')])
  expect(after).toEqual(seen)
  expect(await notes()).toEqual([])
  expect(prints).toBe(0)
  expect((await world.events(id)).map(([by, type]) => [by, type])).toEqual([
    [0, 'queued'],
    [1, 'started'],
    [2, 'started'],
    [2, 'succeeded'],
  ])
})

test('progress and the result of an attempt that is lost are written nowhere', async () => {
  const { seen, after } = await losing(async (ctx) => ctx.progress(1, 2))
  expect(after).toEqual(seen)
  expect(seen).toMatchObject({ output: 'second', progress_current: null })
})

test('an attempt in the middle of its transaction is lost only by what comes after it', async () => {
  const [inside, go] = [gate(), gate()]
  const { id } = await startTask(world, async ({ ctx }) => {
    if (ctx.task.attempt > 1) return note(ctx)
    await ctx.transaction(async (db) => {
      await sql`insert into note values (1)`.execute(db)
      inside.open()
      await go.opened
    })
  })
  await inside.opened
  await world.expire(id)
  await expect.poll(async () => (await world.see(id)).attempt).toBe(2)
  go.open()
  await world.when(id, 'succeeded')
  expect(await notes()).toEqual([2])
})

test('an attempt learns within a second that it is lost, also when it writes nothing', async () => {
  const stops: unknown[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    if (ctx.task.attempt > 1) return
    await untilAborted(ctx)
    stops.push(ctx.signal.reason)
  })
  await expect.poll(async () => (await world.see(id)).attempt).toBe(1)
  await world.expire(id)
  await world.when(id, 'succeeded')
  await expect
    .poll(() => stops, { timeout: 5_000 })
    .toEqual([expect.objectContaining({ stop: 'lost' })])
})

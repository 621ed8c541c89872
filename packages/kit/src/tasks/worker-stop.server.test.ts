import { afterAll, beforeAll, expect, test } from 'vitest'

import { cancelTask } from './cancel-task.ts'
import {
  gate,
  openTaskWorld,
  startTask,
  testTask,
  untilAborted,
  type TaskWorld,
} from './worker-world.fixture.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await openTaskWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

test('a running task is told that it is to end, and ends as cancelled', async () => {
  const begun = gate()
  const { id } = await startTask(world, async ({ ctx }) => {
    ctx.progress(1)
    begun.open()
    await untilAborted(ctx)
    return 'as far as it came'
  })
  await begun.opened
  await world.wish(id)
  expect(await world.when(id, 'cancelled')).toMatchObject({ attempt: 1, output: null, error: null })
  expect((await world.events(id)).at(-1)).toEqual([1, 'cancelled', {}])
  expect(await world.ask('select task_id from tautline.task_cancel')).toEqual([])
})

test('the wish is found without a bell, and by a statement that is under way', async () => {
  const begun = gate()
  const { id } = await startTask(world, ({ ctx }) =>
    ctx.transaction(async (db) => {
      begun.open()
      await db.executeQuery({ ...db.selectNoFrom(() => []).compile(), sql: 'select pg_sleep(60)' })
    }),
  )
  await begun.opened
  await world.ask(`insert into tautline.task_cancel (task_id) values ('${id}')`)
  expect(await world.when(id, 'cancelled')).toMatchObject({ attempt: 1 })
})

test('a handler that ignores its signal is left behind, and writes nothing any more', async () => {
  const [begun, go] = [gate(), gate()]
  const came: unknown[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    begun.open()
    await go.opened
    came.push(await ctx.emit('page', { page: 1 }).catch((error: unknown) => error))
    return 'late'
  })
  await begun.opened
  await world.wish(id)
  const seen = await world.when(id, 'cancelled')
  go.open()
  await expect.poll(() => came).toEqual([expect.objectContaining({ stop: 'cancelled' })])
  expect(await world.see(id)).toEqual(seen)
})

test('a task that is to end before it began never runs', async () => {
  const made = testTask(async () => runs++)
  let runs = 0
  const id = await world.accept(made, { pages: 3 })
  await world.wish(id)
  const process = await world.start([made])
  await world.when(id, 'cancelled')
  expect(runs).toBe(0)
  await process.worker.stop({ timeoutMs: 0 })
})

test('the job of a queued task that was cancelled begins nothing, and goes', async () => {
  let runs = 0
  const made = testTask(async () => runs++)
  const id = await world.accept(made, { pages: 3 })
  expect(await cancelTask(world.db, { id, owner: world.owner }, world)).toEqual({ is: 'ended' })
  const process = await world.start([made])
  await expect
    .poll(() => world.ask(`select id from tautline_boss.job where data ->> 'taskId' = '${id}'`))
    .toEqual([])
  expect(runs).toBe(0)
  expect(await world.see(id)).toMatchObject({ state: 'cancelled', attempt: 0 })
  await process.worker.stop({ timeoutMs: 0 })
})

test('what runs may finish, and nothing new is taken', async () => {
  const [begun, go] = [gate(), gate()]
  const { id, made, process } = await startTask(world, async () => {
    begun.open()
    await go.opened
  })
  await begun.opened
  const stopped = process.worker.stop({ timeoutMs: 10_000 })
  const next = await world.accept(made, { pages: 3 })
  go.open()
  await stopped
  expect(await world.see(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.see(next)).toMatchObject({ state: 'queued', attempt: 0 })
  expect(process.worker.running).toBe(0)
})

test('what has not finished in time is told so, and is another’s without waiting for its lease', async () => {
  const begun = gate()
  const stops: unknown[] = []
  const made = testTask(async ({ ctx }) => {
    if (ctx.task.attempt > 1) return 'second'
    begun.open()
    await untilAborted(ctx)
    stops.push(ctx.signal.reason)
    return 'first'
  })
  const first = await world.start([made])
  const id = await world.accept(made, { pages: 3 })
  await begun.opened
  await first.worker.stop({ timeoutMs: 0 })
  expect(stops).toEqual([expect.objectContaining({ stop: 'draining' })])
  expect(first.worker.running).toBe(0)
  const second = await world.start([made])
  const seen = await world.when(id, 'succeeded')
  expect(seen).toMatchObject({ attempt: 2, failures: 0, output: 'second' })
  await second.worker.stop({ timeoutMs: 0 })
})

test('a handler that ignores the drain keeps nobody waiting', async () => {
  const [begun, go] = [gate(), gate()]
  const { id, process } = await startTask(world, async () => {
    begun.open()
    await go.opened
    return 'first'
  })
  await begun.opened
  await process.worker.stop({ timeoutMs: 0 })
  expect(process.worker.running).toBe(0)
  expect(await world.see(id)).toMatchObject({ state: 'running', attempt: 1 })
  const [job] = await world.ask(
    `select state from tautline_boss.job where data ->> 'taskId' = '${id}'`,
  )
  expect(job).toEqual({ state: 'retry' })
  go.open()
})

import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { defineError, Failure } from '@tautline/shared'

import { TaskStopped } from './attempt-stopped.ts'
import { task } from './definition.ts'
import type { OnTasksEnd } from './ended.ts'
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

const REFUSED = defineError('REFUSED', { code: 'CONFLICT', message: 'There is no paper.' })
const BUSY = defineError('BUSY', {
  code: 'CONFLICT',
  message: 'The printer is busy.',
  retryable: true,
})

test('a task runs, says how far it is, and leaves its result', async () => {
  const { id } = await startTask(world, async ({ ctx, input }) => {
    await ctx.emit('page', { page: 1 })
    ctx.progress(1, input.pages)
    ctx.progress(2, input.pages, 'two')
    await ctx.emit('page', { page: 2 })
    ctx.progress(3, input.pages)
    return { pages: BigInt(input.pages), by: ctx.task.owner }
  })
  const seen = await world.when(id, 'succeeded')
  const output = { pages: 3n, by: world.owner }
  expect(seen).toMatchObject({ attempt: 1, failures: 0, output, error: null })
  expect(seen).toMatchObject({ progress_current: 3, job_id: null })
  expect(await world.events(id)).toEqual([
    [0, 'queued', {}],
    [1, 'started', {}],
    [1, 'custom', { name: 'page', data: { page: 1 } }],
    [1, 'progress', { current: 2, total: 3, message: 'two' }],
    [1, 'custom', { name: 'page', data: { page: 2 } }],
    [1, 'progress', { current: 3, total: 3 }],
    [1, 'succeeded', {}],
  ])
  const jobs = await world.ask(`select id from tautline_boss.job where data ->> 'taskId' = '${id}'`)
  expect(jobs).toEqual([])
})

test('a refusal that would come again fails the task at once, with its own text', async () => {
  const { id } = await startTask(world, async () => {
    throw new Failure(REFUSED)
  })
  const error = 'There is no paper.'
  expect(await world.when(id, 'failed')).toMatchObject({ attempt: 1, failures: 1, error })
  expect((await world.events(id)).at(-1)).toEqual([1, 'failed', { error }])
})

test('what may pass is tried again, as a new attempt, until it succeeds', async () => {
  const { id } = await startTask(world, async ({ ctx }) => {
    if (ctx.task.attempt === 1) throw new Failure(BUSY)
    if (ctx.task.attempt === 2) throw new Error('password=hunter2')
    return ctx.task.attempt
  })
  expect(await world.when(id, 'succeeded')).toMatchObject({ attempt: 3, failures: 2, output: 3 })
  expect(await world.events(id)).toEqual([
    [0, 'queued', {}],
    [1, 'started', {}],
    [1, 'retrying', { error: 'The printer is busy.', delayMs: 1 }],
    [2, 'started', {}],
    [2, 'retrying', { error: 'Something went wrong.', delayMs: 1 }],
    [3, 'started', {}],
    [3, 'succeeded', {}],
  ])
})

test('a task that has used up its tries is dead, and only the log has the rest', async () => {
  const { id } = await startTask(world, async () => {
    throw new Error('password=hunter2')
  })
  const error = 'Something went wrong.'
  expect(await world.when(id, 'dead')).toMatchObject({ attempt: 3, failures: 3, error })
  expect((await world.events(id)).at(-1)).toEqual([3, 'dead', { error }])
  const told = world.lines.filter(({ taskId }) => taskId === id)
  expect(JSON.stringify(told)).toContain('hunter2')
})

test('an attempt that takes too long is told so, and counts as failed', async () => {
  const reasons: unknown[] = []
  const { id } = await startTask(
    world,
    async ({ ctx }) => {
      await untilAborted(ctx)
      reasons.push(ctx.signal.reason)
      return 'too late'
    },
    { timeoutMs: 30, retry: { limit: 0 } },
  )
  const error = 'It took longer than it may.'
  expect(await world.when(id, 'dead')).toMatchObject({ failures: 1, error, output: null })
  expect(reasons).toEqual([new TaskStopped('timed out')])
})

test('a result that is too large, or none of its schema, fails the task', async () => {
  const large = await startTask(world, async () => 'x'.repeat(256 * 1024))
  const error = 'The result has more than 256 KB.'
  expect(await world.when(large.id, 'failed')).toMatchObject({ error })
  const output = z.unknown().refine(() => false)
  const odd = await startTask(world, async () => 1, { output })
  expect(await world.when(odd.id, 'failed')).toMatchObject({
    error: 'The result does not fit the task.',
  })
})

test('an input that its task has come to refuse fails it', async () => {
  const accepted = testTask(async () => 1)
  const id = await world.accept(accepted, { pages: 3 })
  const { name } = accepted
  const input = accepted.input.refine(() => false)
  const process = await world.start([testTask(async () => 1, { name, input })])
  const error = 'The input does not fit the task any more.'
  expect(await world.when(id, 'failed')).toMatchObject({ attempt: 1, error })
  await process.worker.stop({ timeoutMs: 0 })
})

test('a task whose name no process knows waits', async () => {
  const parked = testTask(async () => 1)
  const id = await world.accept(parked, { pages: 3 })
  const other = await startTask(world, async () => 1)
  await world.when(other.id, 'succeeded')
  expect(await world.see(id)).toMatchObject({ state: 'queued', attempt: 0 })
  const process = await world.start([parked])
  await world.when(id, 'succeeded')
  await process.worker.stop({ timeoutMs: 0 })
})

test('a process runs as many attempts of a task at a time as it may', async () => {
  let running = 0
  const held = gate()
  const { made } = await startTask(
    world,
    async () => {
      running++
      await held.opened
    },
    { concurrency: 3 },
  )
  const ids = []
  for (let pages = 0; pages < 8; pages++) ids.push(await world.accept(made, { pages }))
  await expect.poll(() => running).toBe(3)
  world.wake()
  const started = await world.ask(`select id from tautline.task where name = '${made.name}'
    and state = 'running'`)
  expect(started).toHaveLength(3)
  held.open()
  for (const id of ids) await world.when(id, 'succeeded')
  expect(running).toBe(9)
})

test('an end of which somebody could not be told for a conflict is tried again', async () => {
  let tries = 0
  const made = testTask(async () => 1)
  const onEnd: OnTasksEnd = async () => {
    if (++tries === 1) throw Object.assign(new Error('deadlock detected'), { code: '40P01' })
  }
  const process = await world.start([made], { onEnd: [onEnd] })
  const id = await world.accept(made, { pages: 3 })
  await world.when(id, 'succeeded')
  expect(tries).toBe(2)
  await process.worker.stop({ timeoutMs: 0 })
})

test('a task of which an attempt can never be written as it ended has failed', async () => {
  await world.ask(`create function refuse() returns trigger language plpgsql
    as $$ begin raise 'never'; end $$`)
  await world.ask(`create trigger refuse before insert on tautline.task_event
    for each row when (new.type = 'retrying') execute function refuse()`)
  const { id } = await startTask(world, async () => {
    throw new Error('no')
  })
  expect(await world.when(id, 'failed')).toMatchObject({ attempt: 1, failures: 1 })
  await world.ask('drop function refuse cascade')
})

test('an event of a task has its bounds, as its input has', async () => {
  const made = task({
    name: `test.${randomUUID()}`,
    summary: 'A test.',
    input: z.strictObject({}),
    output: z.string(),
    events: { text: z.string() },
    run: async ({ ctx }) => {
      const emitted = ctx.emit('text', 'é'.repeat(128 * 1024)) // two bytes each
      return emitted.then(
        () => 'emitted',
        (error: unknown) => String(error),
      )
    },
  })
  const process = await world.start([made])
  const seen = await world.when(await world.accept(made, {}), 'succeeded')
  expect(seen.output).toMatch(/^RangeError/)
  await process.worker.stop({ timeoutMs: 0 })
})

test('what is no finite number is no progress', async () => {
  const { id } = await startTask(world, async ({ ctx }) => {
    ctx.progress(1, Number.POSITIVE_INFINITY)
    ctx.progress(Number.NaN, 3)
  })
  expect((await world.when(id, 'succeeded')).progress_current).toBe(1)
  expect((await world.events(id)).slice(2, -1)).toEqual([[1, 'progress', { current: 1 }]])
})

test('whoever wants to know of ends is told in their transaction, and cannot stop them', async () => {
  const told: unknown[] = []
  const made = testTask(async () => 1)
  const failing: OnTasksEnd = async (db, ended) => {
    const ids = ended.map(({ id }) => id)
    const { rows } = await db.executeQuery({
      ...db.selectFrom('tautline.task').select('state').where('id', 'in', ids).compile(),
    })
    told.push([ended, rows])
    await sql`select 1 / 0`.execute(db)
  }
  const heard: string[] = []
  const other: OnTasksEnd = async (_, ended) => void heard.push(...ended.map(({ id }) => id))
  const process = await world.start([made], { onEnd: [failing, other] })
  const id = await world.accept(made, { pages: 3 })
  await world.when(id, 'succeeded')
  const ended = { id, name: made.name, owner: world.owner, state: 'succeeded', error: null }
  const once = [[ended], [{ state: 'succeeded' }]]
  expect(told).toEqual([once, once]) // together with the others, and then alone
  expect(heard).toEqual([id])
  await process.worker.stop({ timeoutMs: 0 })
})

test('whoever is told, and swallows what has failed in the transaction, cannot stop an end either', async () => {
  const made = testTask(async () => 1)
  const swallowing: OnTasksEnd = async (db) => {
    await sql`select 1 / 0`.execute(db).catch(() => {})
  }
  const process = await world.start([made], { onEnd: [swallowing] })
  const id = await world.accept(made, { pages: 3 })
  expect(await world.when(id, 'succeeded')).toMatchObject({ attempt: 1, failures: 0 })
  await process.worker.stop({ timeoutMs: 0 })
})

import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { openTwoAcceptors, report, type TwoAcceptors } from './accept.fixture.ts'
import { endWished, requeueForgotten, type SweeperParts } from './sweeper.ts'

let two: TwoAcceptors
beforeAll(async () => {
  two = await openTwoAcceptors()
})
afterAll(() => two[Symbol.asyncDispose]())

const still = new AbortController().signal

/** A sweeper of one process, with what it has logged. */
function sweeper(parts: Partial<SweeperParts> = {}) {
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const { one: db, boss, names } = two
  const metrics = createMetrics()
  return { db, boss, names, log: createLogger('info', output), ...parts, metrics, lines }
}

const enqueue = async () => {
  const wish = { task: report, input: { pages: 1 }, owner: 'anna' }
  return (await two.acceptor.accept(two.one, wish)).id
}

const run = (sql: string) => two.ask(sql)
const wish = (id: string) => run(`insert into tautline.task_cancel values ('${id}')`)
const deleteJob = (id: string) =>
  run(`delete from tautline_boss.job where data ->> 'taskId' = '${id}'`)
const eventsOf = async (id: string) =>
  (
    await two.ask<{ type: string }>(
      `select type from tautline.task_event where task_id = '${id}' order by seq`,
    )
  ).map(({ type }) => type)

/** A task in the hands of a worker that was last heard of so many seconds ago. */
async function running(silentS: number): Promise<string> {
  const id = await enqueue()
  await run(`update tautline.task set state = 'running', attempt = 1 where id = '${id}'`)
  await run(`
    update tautline_boss.job
    set state = 'active', heartbeat_on = now() - interval '${silentS} s'
    where data ->> 'taskId' = '${id}'`)
  return id
}

test('a task whose job is gone gets another, and comes to a worker as the next attempt', async () => {
  const [waiting, begun, sound] = [await enqueue(), await running(0), await enqueue()]
  const kept = await two.taskOf(sound)
  await run(
    `update tautline_boss.job set state = 'cancelled' where data ->> 'taskId' = '${waiting}'`,
  )
  await deleteJob(begun)
  const parts = sweeper()
  await requeueForgotten(parts, still)
  await requeueForgotten(parts, still)

  const deliveries = await two.boss.fetch(report.name, 10)
  const attempts = deliveries.map(({ taskId, attempt }) => [taskId, attempt])
  expect(attempts).toEqual(
    expect.arrayContaining([
      [waiting, 1],
      [begun, 2],
      [sound, 1],
    ]),
  )
  expect(deliveries).toHaveLength(3)
  for (const { taskId, jobId } of deliveries) {
    expect(await two.taskOf(taskId)).toMatchObject({ state: 'queued', job_id: jobId })
  }
  expect(await two.taskOf(sound)).toEqual(kept)
  expect(await eventsOf(waiting)).toEqual(['queued'])
  expect(await eventsOf(begun)).toEqual(['queued', 'queued'])
  expect(parts.metrics.snapshot().counters).toMatchObject({
    'tasks_requeued_total{task="report.make"}': 2,
  })
})

test('two processes that sweep at once give each task one job', async () => {
  for (let made = 0; made < 2; made++) await deleteJob(await enqueue())
  const other = sweeper({ db: two.other })
  // In the midst of the first task the other process takes the second, and not the first again.
  const send: SweeperParts['boss']['send'] = async (db, request) => {
    await requeueForgotten(other, still)
    return two.boss.send(db, request)
  }
  await requeueForgotten(sweeper({ boss: { send } }), still)
  const jobs = await run(`
    select count(*)::int as jobs, count(distinct data ->> 'taskId')::int as tasks
    from tautline_boss.job where state = 'created'`)
  expect(jobs).toEqual([{ jobs: 2, tasks: 2 }])
  expect(other.metrics.snapshot().counters).toMatchObject({
    'tasks_requeued_total{task="report.make"}': 1,
  })
  await two.boss.fetch(report.name, 10)
})

test('a task of another build is left alone, and one that cannot be helped stops no other', async () => {
  const stranger = {
    id: randomUUID(),
    name: 'report.strange',
    owner: 'anna',
    input: '{}',
    job_id: randomUUID(),
    priority: 0,
  }
  await two.one.insertInto('tautline.task').values(stranger).execute()
  const lost = await enqueue()
  await deleteJob(lost)
  const knowing = sweeper()
  await requeueForgotten(knowing, still)
  expect(knowing.lines).toHaveLength(1) // of the one that was lost
  expect(await two.taskOf(stranger.id)).toMatchObject({ state: 'queued', job_id: stranger.job_id })
  expect(await two.taskOf(lost)).not.toMatchObject({ job_id: null })

  // As if this build knew it, and its queue were gone.
  await deleteJob(lost)
  const parts = sweeper({ names: new Set([report.name, stranger.name]) })
  await requeueForgotten(parts, still)
  expect(parts.lines.join()).toMatch(/could not be swept/)
  expect(parts.lines.join()).toContain(stranger.id)
  expect(
    await run(`select from tautline_boss.job where data ->> 'taskId' = '${lost}'`),
  ).toHaveLength(1)

  await wish(stranger.id)
  await endWished(sweeper(), still)
  expect(await two.taskOf(stranger.id)).toMatchObject({ state: 'cancelled' })
})

test('whoever is to end ends, unless somebody works on it, who will end it', async () => {
  const [waiting, held, gone] = [await enqueue(), await running(0), await running(11)]
  for (const id of [waiting, held, gone]) await wish(id)
  await endWished(sweeper(), still)
  const ended = { state: 'cancelled', finished_at: expect.any(Date) }
  expect(await two.taskOf(waiting)).toMatchObject(ended)
  expect(await two.taskOf(gone)).toMatchObject(ended)
  expect(await two.taskOf(held)).toMatchObject({ state: 'running' })
  expect(await eventsOf(gone)).toEqual(['queued', 'cancelled'])
  const left = await run('select task_id from tautline.task_cancel')
  expect(left).toEqual([{ task_id: held }])
  await two.finish(held)
})

test('a wish for what has ended, or is gone, is forgotten', async () => {
  const ended = await enqueue()
  await two.finish(ended)
  await wish(ended)
  await wish(randomUUID())
  await endWished(sweeper(), still)
  expect(await run('select from tautline.task_cancel')).toEqual([])
  expect(await two.taskOf(ended)).toMatchObject({ state: 'succeeded' })
})

import { createHash, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createAcceptor } from './accept.ts'
import { task, type TaskSchedule } from './definition.ts'
import { createScheduler } from './schedule.ts'
import { openTaskDatabase, type TaskDatabase } from './worker-database.fixture.ts'

const names = ['round.hourly', 'round.keyed', 'round.failing'] as const

let database: TaskDatabase
let boss: Awaited<ReturnType<TaskDatabase['startBoss']>>
beforeAll(async () => {
  database = await openTaskDatabase()
  boss = await database.startBoss(...names)
})
afterAll(() => database[Symbol.asyncDispose]())

const still = new AbortController().signal
const hourly = { at: '0 * * * *', input: { what: 'hourly' } }

/** A task that comes round. */
const round = (
  name: (typeof names)[number],
  schedule: TaskSchedule<{ what: string }>,
  dedupeKey?: (input: { what: string }) => string,
) =>
  task({
    name,
    summary: 'Comes round.',
    input: z.strictObject({ what: z.string() }),
    output: z.void(),
    schedule,
    ...(dedupeKey && { dedupeKey }),
    run: async () => {},
  })

/** The scheduler of one more process, after its first turn. */
async function startProcess(tasks: readonly ReturnType<typeof round>[]) {
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const metrics = createMetrics()
  const acceptor = createAcceptor({ boss, names: new Set<string>(names), maxUnfinished: 0 })
  const log = createLogger('info', output)
  const parts = { db: database.open(), acceptor, tasks, log, metrics }
  const turn = createScheduler(parts)
  await turn(still)
  const counters = () => metrics.snapshot().counters
  return { turn: () => turn(still), lines, counters }
}

const nextOf = async (name: string) => {
  const [row] = await database.ask<{ next_at: Date | null }>(
    `select next_at from tautline.task_schedule where name = '${name}'`,
  )
  return row?.next_at ?? null
}

const makeDue = (name: string, ago: string) =>
  database.ask(`
    update tautline.task_schedule set next_at = now() - interval '${ago}' where name = '${name}'`)

const tasksOf = (name: string) =>
  database.ask<{ id: string; owner: string | null; input: string }>(
    `select id, owner, input from tautline.task where name = '${name}' order by created_at`,
  )

const finishAll = () =>
  database.ask(`
    update tautline.task set state = 'succeeded', finished_at = now() where finished_at is null`)

test('a time that has come is one task of the backend, however many processes see it', async () => {
  // No two of its tasks are the same, so that nothing but the schedule itself keeps them to one.
  const mine = round('round.hourly', hourly, () => randomUUID())
  const processes = [await startProcess([mine]), await startProcess([mine])]
  const next = await nextOf(mine.name)
  expect(next?.getTime()).toBeGreaterThan(Date.now())
  expect(next?.toISOString()).toMatch(/:00:00.000Z$/)
  await Promise.all(processes.map(({ turn }) => turn()))
  expect(await tasksOf(mine.name)).toEqual([])

  // Three times in which nobody was there are one.
  await makeDue(mine.name, '3 hours')
  await Promise.all([...processes, ...processes].map(({ turn }) => turn()))
  expect(await tasksOf(mine.name)).toMatchObject([
    { owner: null, input: '{"json":{"what":"hourly"}}' },
  ])
  expect(await nextOf(mine.name)).toEqual(next)
})

test('a time is left out while the task of the one before is not finished', async () => {
  await finishAll()
  const mine = round('round.hourly', hourly)
  const { turn, counters } = await startProcess([mine])
  await makeDue(mine.name, '1 s')
  await turn()
  await makeDue(mine.name, '1 s')
  await turn()
  expect(await tasksOf(mine.name)).toHaveLength(2)
  expect(counters()).toMatchObject({ 'task_times_left_out_total{task="round.hourly"}': 1 })
  await finishAll()
  await turn()
  expect(await tasksOf(mine.name)).toHaveLength(2) // that time is over
  await makeDue(mine.name, '1 s')
  await turn()
  expect(await tasksOf(mine.name)).toHaveLength(3)
})

test('a key of the task’s own says which two are the same', async () => {
  const mine = round('round.keyed', hourly, ({ what }) => what)
  const { turn } = await startProcess([mine])
  await makeDue(mine.name, '1 s')
  await turn()
  const keys = await database.ask(`select dedupe_key from tautline.task where name = 'round.keyed'`)
  const digest = createHash('sha256').update('hourly').digest('hex')
  expect(keys).toEqual([{ dedupe_key: digest }])
})

test('one that fails is told, and stops no other', async () => {
  await finishAll()
  const unsound = { at: '0 * * * *', input: { what: 'x'.repeat(300_000) } }
  const tasks = [round('round.failing', unsound), round('round.hourly', hourly)]
  const { turn, lines } = await startProcess(tasks)
  const before = await tasksOf('round.hourly')
  await makeDue('round.failing', '2 s')
  await makeDue('round.hourly', '1 s')
  await turn()
  await turn()
  expect(await tasksOf('round.hourly')).toHaveLength(before.length + 1)
  expect(await tasksOf('round.failing')).toEqual([])
  expect(lines).toHaveLength(1) // and not told again at each turn
  expect(lines[0]).toMatch(/"task":"round.failing".*could not be enqueued/)
})

test('a schedule that was changed is reckoned anew, and one that is over never comes', async () => {
  const everyMinute = round('round.hourly', { ...hourly, at: '* * * * *' })
  const hourBefore = await nextOf(everyMinute.name)
  await startProcess([everyMinute])
  const minute = await nextOf(everyMinute.name)
  expect(minute?.getTime()).toBeLessThan(Date.now() + 61_000)
  expect(minute?.getTime()).toBeLessThanOrEqual(hourBefore?.getTime() ?? 0)

  const over = { ...hourly, at: 'DTSTART:20200101T000000Z\nRRULE:FREQ=DAILY;COUNT=3' }
  await startProcess([round('round.hourly', over)])
  expect(await nextOf('round.hourly')).toBeNull()
})

import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { isFailure } from '@tautline/shared'

import { createCuttingProxy } from '../db/cutting-proxy.fixture.ts'
import { listenBeside } from '../db/listener.fixture.ts'
import { inTransaction } from '../db/transaction.ts'
import { currentCall, withDeadline } from '../platform/call-scope.ts'
import { daily, openTwoAcceptors, report, type TwoAcceptors } from './accept.fixture.ts'
import { QUEUE_CHANNEL } from './boss-schema.ts'
import { task } from './definition.ts'

const MAX_UNFINISHED = 7

let two: TwoAcceptors
beforeAll(async () => {
  two = await openTwoAcceptors(MAX_UNFINISHED)
})
afterAll(() => two[Symbol.asyncDispose]())

const reasonOf = (error: unknown) => (isFailure(error) ? error.reason : String(error))

/** Somebody whom no other test knows. */
const newOwner = () => JSON.stringify([null, null, randomUUID()])

test('an accepted task is a row, its first event and a job that may begin it', async () => {
  const owner = newOwner()
  const input = { pages: 3, text: 'x' }
  const { id, isDuplicate } = await two.acceptor.accept(two.one, { task: report, input, owner })
  expect(isDuplicate).toBe(false)
  const row = await two.taskOf(id)
  expect(row).toMatchObject({
    name: 'report.make',
    owner,
    state: 'queued',
    attempt: 0,
    last_seq: 1,
  })
  expect(JSON.parse(String(row?.input))).toEqual({ json: input })
  const events = await two.ask(
    `select seq, attempt, type, data from tautline.task_event where task_id = '${id}'`,
  )
  expect(events).toEqual([{ seq: 1, attempt: 0, type: 'queued', data: '{"json":{}}' }])
  const jobs = await two.ask(
    `select id, priority, data from tautline_boss.job where data ->> 'taskId' = '${id}'`,
  )
  expect(jobs).toEqual([{ id: row?.job_id, priority: 3, data: { taskId: id, base: 0 } }])
})

test('a task costs one statement, whatever comes of it', async () => {
  const [owner, day] = [newOwner(), randomUUID()]
  const cost = (isDuplicate: boolean) =>
    withDeadline('test', 10_000, async () => {
      const accepted = await two.acceptor.accept(two.one, { task: daily, input: { day }, owner })
      expect(accepted.isDuplicate).toBe(isDuplicate)
      return currentCall()?.spent.queries
    })
  expect([await cost(false), await cost(true)]).toEqual([1, 1])
})

test('a task of which the answer was lost is one of which nobody knows', async () => {
  await using proxy = await createCuttingProxy(two.config.url)
  const db = two.open({ url: proxy.url })
  proxy.cutNext({ at: /accept_task/, moment: 'answered' })
  const owner = newOwner()
  const accepting = two.acceptor.accept(db, { task: report, input: { pages: 1 }, owner })
  await expect(accepting).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN' })
  expect(await two.ask(`select from tautline.task where owner = '${owner}'`)).toHaveLength(1)
})

test('the job of a task is the one that pg-boss itself would make', async () => {
  const made = []
  for (const delayMs of [0, 60_000]) {
    const options = { delayMs }
    const wish = { task: report, input: { pages: 1 }, owner: null, options }
    const { id: taskId } = await two.acceptor.accept(two.one, wish)
    await two.boss.send(two.one, { name: report.name, taskId, base: 0, priority: 3, delayMs })
    made.push(
      await two.ask(`
        select (to_jsonb(job) - array['id', 'created_on', 'start_after', 'keep_until']) || jsonb_build_object(
          'delay', extract(epoch from start_after - created_on),
          'kept', extract(epoch from keep_until - start_after)
        ) as job from tautline_boss.job where data ->> 'taskId' = '${taskId}'`),
    )
  }
  for (const jobs of made) {
    expect(jobs).toHaveLength(2)
    expect(jobs[0]).toEqual(jobs[1])
  }
  expect(made[0]).not.toEqual(made[1])
})

test('of twenty at once in two processes, exactly as many are accepted as an owner may have', async () => {
  const owner = newOwner()
  const input = { pages: 1 }
  const wishes = Array.from({ length: 20 }, (_, index) =>
    two.acceptor.accept(index % 2 ? two.one : two.other, { task: report, input, owner }),
  )
  const settled = await Promise.allSettled(wishes)
  const refused = settled.flatMap((one) =>
    one.status === 'rejected' ? [reasonOf(one.reason)] : [],
  )
  expect(refused).toEqual(Array.from({ length: 20 - MAX_UNFINISHED }, () => 'TOO_MANY_TASKS'))
  const [accepted] = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))

  await two.finish(accepted?.id ?? '')
  await two.acceptor.accept(two.one, { task: report, input, owner })
  const oneMore = two.acceptor.accept(two.one, { task: report, input, owner })
  await expect(oneMore).rejects.toMatchObject({ reason: 'TOO_MANY_TASKS' })
})

test('one transaction is held to the cap as well, and the backend itself is not', async () => {
  const owner = newOwner()
  const many = (as: string | null) =>
    inTransaction(two.one, async (db) => {
      for (let pages = 1; pages <= MAX_UNFINISHED + 1; pages++) {
        await two.acceptor.accept(db, { task: report, input: { pages }, owner: as })
      }
    })
  await expect(many(owner)).rejects.toMatchObject({ reason: 'TOO_MANY_TASKS' })
  await expect(many(null)).resolves.toBeUndefined()
})

test('where others’ tasks cannot be seen any more, no task of an owner is accepted', async () => {
  const request = { task: report, input: { pages: 1, text: 'x' }, owner: newOwner() }
  const accepting = inTransaction(two.one, async (db) => {
    await sql`set transaction isolation level repeatable read`.execute(db)
    await two.acceptor.accept(db, request)
  })
  await expect(accepting).rejects.toThrow('READ COMMITTED')
})

test('two wishes of one key are one task, until it has ended', async () => {
  const owner = newOwner()
  const accept = (day: string, as: string | null = owner, db = two.one) =>
    two.acceptor.accept(db, { task: daily, input: { day }, owner: as })
  const rivals = await Promise.all([
    accept('Monday'),
    accept(' Monday ', owner, two.other),
    accept('Monday', owner, two.other),
  ])
  expect(new Set(rivals.map(({ id }) => id)).size).toBe(1)
  expect(rivals.filter(({ isDuplicate }) => isDuplicate)).toHaveLength(2)

  const [{ id }] = rivals
  expect((await accept('Tuesday')).id).not.toBe(id)
  expect((await accept('Monday', newOwner())).id).not.toBe(id)
  await two.finish(id)
  expect(await accept('Monday')).toMatchObject({ isDuplicate: false })
})

test('a key is of any length, and of any characters', async () => {
  const day = `\0${'é'.repeat(100_000)}`
  const wish = { task: daily, input: { day }, owner: newOwner() }
  const { id } = await two.acceptor.accept(two.one, wish)
  expect(await two.acceptor.accept(two.one, wish)).toEqual({ id, isDuplicate: true })
})

test('two processes of the backend itself, which no cap holds up, make one task of a key', async () => {
  const day = randomUUID()
  const wish = { task: daily, input: { day }, owner: null }
  const rivals = Array.from({ length: 8 }, (_, index) =>
    two.acceptor.accept(index % 2 ? two.one : two.other, wish),
  )
  const accepted = await Promise.all(rivals)
  expect(new Set(accepted.map(({ id }) => id)).size).toBe(1)
  expect(accepted.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
})

test('a duplicate is no task more: an owner who has all that they may have gets its id', async () => {
  const owner = newOwner()
  const { id } = await two.acceptor.accept(two.one, { task: daily, input: { day: 'x' }, owner })
  for (let pages = 2; pages <= MAX_UNFINISHED; pages++) {
    await two.acceptor.accept(two.one, { task: report, input: { pages }, owner })
  }
  const again = await two.acceptor.accept(two.one, { task: daily, input: { day: 'x' }, owner })
  expect(again).toEqual({ id, isDuplicate: true })
})

test('what the schema refuses, or is too large, is told as a bad input of a procedure', async () => {
  const accept = (input: { pages: number; text?: string }) =>
    two.acceptor.accept(two.one, { task: report, input, owner: null })
  await expect(accept({ pages: 0 })).rejects.toMatchObject({
    reason: 'BAD_INPUT',
    details: { issues: [{ path: ['pages'], code: 'too_small' }] },
  })
  const text = 'é'.repeat(128 * 1024) // two bytes each
  await expect(accept({ pages: 1, text })).rejects.toMatchObject({
    reason: 'BAD_INPUT',
    details: { issues: [{ path: [], code: 'too_big' }] },
  })
})

test('a task that no feature brings is refused, and one that is due in more than a year', async () => {
  const stranger = task({
    name: 'report.stranger',
    summary: 'Is of another backend.',
    input: z.void(),
    output: z.void(),
    run: async () => {},
  })
  const wish = { task: stranger, input: undefined, owner: null }
  await expect(two.acceptor.accept(two.one, wish)).rejects.toThrow('in no feature')
  for (const delayMs of [-1, Number.NaN, 366 * 24 * 60 * 60_000]) {
    const late = { task: report, input: { pages: 1 }, owner: null, options: { delayMs } }
    await expect(two.acceptor.accept(two.one, late)).rejects.toThrow(RangeError)
  }
})

test('workers are rung for after the commit, and not for what is delayed by the database’s clock', async () => {
  const { directUrl, url } = two.config
  await using listener = await listenBeside(two.one, directUrl ?? url, QUEUE_CHANNEL)
  const wish = { input: { pages: 1 }, owner: null, options: { delayMs: 60_000 } }
  const { id } = await two.acceptor.accept(two.one, { task: report, ...wish })
  await inTransaction(two.one, async (db) => {
    await two.acceptor.accept(db, { task: daily, input: { day: randomUUID() }, owner: null })
    await listener.settled()
    expect(listener.heard).toEqual([])
  })
  await expect.poll(() => listener.heard).toEqual([[QUEUE_CHANNEL, daily.name]])

  const [job] = await two.ask<{ delayed: number }>(`
    select extract(epoch from start_after - created_at)::int as delayed
    from tautline_boss.job join tautline.task on task.job_id = job.id where task.id = '${id}'`)
  expect(job?.delayed).toBe(60)
})

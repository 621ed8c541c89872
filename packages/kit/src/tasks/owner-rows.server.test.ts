import { afterAll, beforeAll, expect, test } from 'vitest'

import { openTwoAcceptors, report, type TwoAcceptors } from './accept.fixture.ts'
import { giveUpTasks } from './owner-rows.ts'
import { deleteOutdated } from './retention.ts'

let two: TwoAcceptors
beforeAll(async () => {
  two = await openTwoAcceptors()
})
afterAll(() => two[Symbol.asyncDispose]())

const ownerOf = (userId: string, tenantId: string | null = null) =>
  JSON.stringify([null, tenantId, userId])

/** A task with as many events. */
async function make(owner: string, events = 1): Promise<string> {
  const wish = { task: report, input: { pages: 1, text: 'secret' }, owner }
  const { id } = await two.acceptor.accept(two.one, wish)
  await two.ask(`
    insert into tautline.task_event (task_id, seq, attempt, type, data)
    select '${id}', seq, 1, 'progress', '{}' from generate_series(2, ${events}) as seq`)
  return id
}

const eventsOf = async (id: string) =>
  (await two.ask(`select from tautline.task_event where task_id = '${id}'`)).length

const KEPT_MS = 30 * 24 * 60 * 60_000
const retention = (signal = new AbortController().signal) =>
  deleteOutdated(two.one, KEPT_MS, signal)

test('tasks that are given up are nobody’s at once, and are deleted with all their events later', async () => {
  const [open, finished] = [await make(ownerOf('anna')), await make(ownerOf('anna'), 2_500)]
  const other = await make(ownerOf('berta'), 10)
  await two.finish(finished)
  const options = { owner: ownerOf('anna'), limit: 10, held: 'wait' } as const
  expect(await giveUpTasks(two.one, options)).toBe(2)
  expect(await giveUpTasks(two.one, options)).toBe(0)
  for (const id of [open, finished]) {
    expect(await two.taskOf(id)).toMatchObject({ owner: null, input: '', state: 'cancelled' })
  }
  expect(await eventsOf(finished)).toBe(2_500) // none of them was waited for
  await retention(AbortSignal.abort())
  await retention()
  expect(await Promise.all([open, finished].map((id) => two.taskOf(id)))).toEqual([
    undefined,
    undefined,
  ])
  expect(await eventsOf(finished)).toBe(0)
  expect(await two.taskOf(other)).toMatchObject({ owner: ownerOf('berta'), state: 'queued' })
  expect(await eventsOf(other)).toBe(10)
})

test('those that are not finished are given up first, and in every tenant', async () => {
  const [finished, open] = [await make(ownerOf('carla')), await make(ownerOf('carla', 'acme'))]
  await two.finish(finished)
  const options = { owner: { userId: 'carla' }, limit: 1, held: 'wait' } as const
  expect(await giveUpTasks(two.one, options)).toBe(1)
  expect(await two.taskOf(open)).toMatchObject({ owner: null })
  expect(await two.taskOf(finished)).toMatchObject({ owner: ownerOf('carla') })
})

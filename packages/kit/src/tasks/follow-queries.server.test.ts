import { afterAll, beforeAll, expect, test } from 'vitest'

import { readEvents, type Place } from './follow-queries.ts'
import { openReaders, upTo, type Readers } from './follow.fixture.ts'

let it: Readers
beforeAll(async () => {
  it = await openReaders()
})
afterAll(() => it[Symbol.asyncDispose]())

/** A task with events of 10,000 characters each. */
async function addLargeTask(events: number): Promise<string> {
  const id = await it.addTask({ events })
  await it.ask(`
    update tautline.task_event set data = '{"json":{"name":"n","data":"' || repeat('x', 10000) || '"}}'
    where task_id = '${id}'`)
  return id
}

async function numbersAfter(places: readonly Place[], most: { events: number; text: number }) {
  const found = await readEvents(it.db, places, most)
  return places.map(({ taskId }) => found.get(taskId)?.events.map(({ seq }) => seq))
}

test('reads so many events of each task, and no more of their text than is asked for', async () => {
  const [small, large] = [await it.addTask({ events: 20 }), await addLargeTask(20)]
  const places = [
    { taskId: small, after: 2 },
    { taskId: large, after: 4 },
  ]
  expect(await numbersAfter(places, { events: 10, text: 25_000 })).toEqual([upTo(12, 3), [5, 6, 7]])
})

test('reads one event at least, however large, so that whoever reads gets on', async () => {
  const places = [{ taskId: await addLargeTask(3), after: 1 }]
  expect(await numbersAfter(places, { events: 10, text: 1 })).toEqual([[2]])
})

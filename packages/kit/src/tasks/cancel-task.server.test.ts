import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { listenBeside } from '../db/listener.fixture.ts'
import { inTransaction } from '../db/transaction.ts'
import { cancelTask } from './cancel-task.ts'
import { TASK_CHANNEL, WISH_CHANNEL } from './events.ts'
import { gate, openTaskWorld, testTask, type TaskWorld } from './worker-world.fixture.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await openTaskWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const accepted = () => world.accept(testTask(async () => 1), { pages: 3 }) // prettier-ignore

/** A task that somebody works on, as far as its row says. */
async function running(): Promise<string> {
  const id = await accepted()
  await world.ask(`update tautline.task set state = 'running', attempt = 1 where id = '${id}'`)
  return id
}

const cancel = (id: string) =>
  inTransaction(world.db, (db) => cancelTask(db, { id, owner: world.owner }, world))

test('a second cancel does not wait for an end that is just deleting the first one’s wish', async () => {
  const id = await running()
  expect(await cancel(id)).toEqual({ is: 'asked' })
  const [deleted, go] = [gate(), gate()]
  const ending = inTransaction(world.db, async (db) => {
    await sql`delete from tautline.task_cancel where task_id = ${id}`.execute(db)
    deleted.open()
    await go.opened
  })
  await deleted.opened
  const second = cancel(id).then((outcome) => ({ outcome }))
  try {
    // It hangs where it waits; the test's own time is the bound.
    expect(await second).toEqual({ outcome: { is: 'asked' } })
  } finally {
    go.open()
    await ending
  }
})

test('a wish rings for those who run tasks, and for nobody who follows their events', async () => {
  const id = await running()
  const { directUrl, url } = world.database.config
  const channels = [TASK_CHANNEL, WISH_CHANNEL]
  await using listener = await listenBeside(world.db, directUrl ?? url, ...channels)
  await cancel(id)
  await expect.poll(() => listener.heard).toEqual([[WISH_CHANNEL, id]])
  await cancel(id) // again, for whoever has not heard
  await expect.poll(() => listener.heard.slice(1)).toEqual([[WISH_CHANNEL, id]])
})

test('a task that is cancelled before its time takes its job with it', async () => {
  const id = await accepted()
  const jobs = () => world.ask(`select from tautline_boss.job where data ->> 'taskId' = '${id}'`)
  expect(await jobs()).toHaveLength(1)
  expect(await cancel(id)).toEqual({ is: 'ended' })
  expect(await jobs()).toEqual([])
})

test('a job that is just being taken is left to whoever takes it', async () => {
  const id = await accepted()
  const [held, go] = [gate(), gate()]
  const taking = inTransaction(world.db, async (db) => {
    await sql`select from tautline_boss.job where data ->> 'taskId' = ${id} for update`.execute(db)
    held.open()
    await go.opened
  })
  await held.opened
  try {
    expect(await cancel(id)).toEqual({ is: 'ended' })
  } finally {
    go.open()
    await taking
  }
})

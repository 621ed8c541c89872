import { randomUUID } from 'node:crypto'

import { afterAll, expect, test } from 'vitest'

import { listenBeside } from '../db/listener.fixture.ts'
import { migrateUp } from '../db/migrations.ts'
import { openDatabase } from '../db/open.ts'
import { openPool } from '../db/pool.ts'
import { createSharedDatabase } from '../db/shared-database.fixture.ts'
import { inTransaction } from '../db/transaction.ts'
import { createLogger } from '../platform/logger.ts'
import { QUEUE_CHANNEL } from './boss-schema.ts'
import { createBoss } from './boss.ts'
import { openTaskDatabase, taskLanes } from './worker-database.fixture.ts'

const log = createLogger('silent')
const database = await openTaskDatabase()
afterAll(() => database[Symbol.asyncDispose]())
const { db, ask } = database

/** A queue of its own, and a job in it. */
async function startWithJob() {
  const name = `test.${randomUUID()}`
  const boss = await database.startBoss(name)
  const taskId = randomUUID()
  const jobId = await boss.send(db, { name, taskId, base: 3 })
  return { boss, name, taskId, jobId }
}

type Started = Awaited<ReturnType<typeof startWithJob>>

async function fetchOne({ boss, name }: Started) {
  const [delivery] = await boss.fetch(name, 1)
  if (!delivery) throw new Error('There is no job to fetch.')
  return delivery
}

/** Nothing was heard of the worker for longer than a lease. */
const silence = (jobId: string) =>
  ask(`update tautline_boss.job set heartbeat_on = now() - interval '11 s' where id = '${jobId}'`)

test('a job is delivered once, as the attempt after the last', async () => {
  const { boss, name, taskId, jobId } = await startWithJob()
  const delivery = { name, jobId, retryCount: 0, taskId, attempt: 4 }
  expect(await boss.fetch(name, 10)).toEqual([delivery])
  expect(await boss.fetch(name, 10)).toEqual([])
})

test('a job rides on the transaction of its sender', async () => {
  const { boss, name, taskId } = await startWithJob()
  const failing = inTransaction(db, async (transaction) => {
    await boss.send(transaction, { name, taskId, base: 7 })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await boss.fetch(name, 10)).toHaveLength(1)
})

test('a delayed job is due by the clock of the database, and not before', async () => {
  const { boss, name, taskId } = await startWithJob()
  await boss.fetch(name, 1)
  const jobId = await boss.send(db, { name, taskId, base: 0, delayMs: 90_000 })
  expect(await boss.fetch(name, 10)).toEqual([])
  const [row] = await ask<{ seconds: number }>(
    `select extract(epoch from start_after - created_on)::float as seconds
     from tautline_boss.job where id = '${jobId}'`,
  )
  expect(row?.seconds).toBe(90)
})

test('the higher priority comes first, then the older', async () => {
  const { boss, name, jobId: first } = await startWithJob()
  const second = await boss.send(db, { name, taskId: randomUUID(), base: 0 })
  const urgent = await boss.send(db, { name, taskId: randomUUID(), base: 0, priority: 5 })
  const fetched = [
    ...(await boss.fetch(name, 1)),
    ...(await boss.fetch(name, 1)),
    ...(await boss.fetch(name, 1)),
  ]
  expect(fetched.map(({ jobId }) => jobId)).toEqual([urgent, first, second])
})

test('a worker that was not heard of for 10 s loses its job to the next, as a new attempt', async () => {
  const started = await startWithJob()
  const { boss } = started
  const held = await fetchOne(started)
  expect(await boss.supervise()).toBe(0)
  await silence(held.jobId)
  expect(await boss.supervise()).toBe(1)
  const next = await fetchOne(started)
  expect(next).toEqual({ ...held, retryCount: 1, attempt: 5 })

  expect(await boss.touch([held, next])).toEqual([held])
  expect(await boss.complete(db, held)).toBe(false)
  expect(await boss.complete(db, next)).toBe(true)
  expect(await boss.complete(db, next)).toBe(false)
})

test('a sign of life keeps a job', async () => {
  const started = await startWithJob()
  const held = await fetchOne(started)
  await silence(held.jobId)
  expect(await started.boss.touch([held])).toEqual([])
  expect(await started.boss.supervise()).toBe(0)
})

test('a sign of life waits for no job that is being ended, and does not take it for lost', async () => {
  const started = await startWithJob()
  const { boss } = started
  const held = await fetchOne(started)
  await inTransaction(db, async (transaction) => {
    expect(await boss.complete(transaction, held)).toBe(true)
    expect(await boss.touch([held])).toEqual([])
  })
  expect(await boss.touch([held])).toEqual([held])
})

test('a job that is given back is the next one’s at once', async () => {
  const started = await startWithJob()
  const { boss } = started
  const held = await fetchOne(started)
  await boss.giveBack([held])
  expect(await fetchOne(started)).toMatchObject({ jobId: held.jobId, attempt: 5 })
  await boss.giveBack([held])
  expect(await boss.fetch(started.name, 1)).toEqual([])
})

test('rings after the commit of a job that is due, and when one is given back', async () => {
  const { directUrl, url } = database.config
  await using listener = await listenBeside(db, directUrl ?? url, QUEUE_CHANNEL)
  const started = await startWithJob()
  const { boss, name, taskId } = started
  await expect.poll(() => listener.heard).toEqual([[QUEUE_CHANNEL, name]])
  await boss.send(db, { name, taskId, base: 0, delayMs: 1_000 })
  const held = await fetchOne(started)
  await boss.giveBack([held])
  await expect.poll(() => listener.heard.slice(1)).toEqual([[QUEUE_CHANNEL, name]])
})

test('waits for a database that was never migrated, and refuses to send until it is', async () => {
  await using empty = await createSharedDatabase()
  const pool = openPool(empty.config, log)
  const own = openDatabase(pool, empty.config)
  const boss = createBoss({ db: own, log })
  try {
    await boss.start(['test.late'])
    const send = () => boss.send(own, { name: 'test.late', taskId: randomUUID(), base: 0 })
    await expect(send()).rejects.toMatchObject({ reason: 'UNAVAILABLE' })
    const direct = { ...empty.config, url: empty.config.directUrl ?? empty.config.url }
    const directPool = openPool(direct, log)
    await migrateUp(openDatabase(directPool, direct), taskLanes)
    await directPool.end()
    await expect.poll(() => boss.isStarted, { timeout: 10_000 }).toBe(true)
    await send()
  } finally {
    await boss.stop()
    await pool.end()
  }
})

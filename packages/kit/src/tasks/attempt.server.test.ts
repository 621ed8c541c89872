import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createCuttingProxy, type CuttingProxy } from '../db/cutting-proxy.fixture.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { createBegin } from './begin.ts'
import { cancelTask } from './cancel-task.ts'
import type { StepOutcome } from './definition.ts'
import type { OnTasksEnd } from './ended.ts'
import { redriveTask } from './redrive.ts'
import { createSettle } from './settle.ts'
import { gate, openTaskWorld, startTask, testTask, type TaskWorld } from './worker-world.fixture.ts'

let world: TaskWorld
let proxy: CuttingProxy
/** Through the proxy. */
let cut: Db
beforeAll(async () => {
  world = await openTaskWorld()
  proxy = await createCuttingProxy(world.database.config.url)
  cut = world.database.open({ url: proxy.url })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
})

/** A task that was delivered, and nothing more. */
async function delivered() {
  const made = testTask(async () => 1)
  const boss = await world.database.startBoss(made.name)
  const id = await world.accept(made, { pages: 3 })
  const [delivery] = await boss.fetch(made.name, 1)
  if (!delivery) throw new Error('There is no job.')
  const { db, log } = world
  const settled = { delivery, owner: world.owner, priority: 0 }
  return { id, made, boss, delivery, settled, parts: { db, boss, log } }
}

const jobsOf = (id: string) =>
  world.ask(`select state from tautline_boss.job where data ->> 'taskId' = '${id}'`)

describe('a delivery', () => {
  test('from before a cancel and a redrive begins nothing any more', async () => {
    const { id, made, boss, delivery, parts } = await delivered()
    const own = { id, owner: world.owner }
    await inTransaction(world.db, (db) => cancelTask(db, own, { log: world.log }))
    const accepting = { boss, names: new Set([made.name]), maxUnfinished: 10 }
    await inTransaction(world.db, (db) => redriveTask(db, own, accepting))
    expect(await createBegin(parts)(delivery)).toBeUndefined()
    expect(await world.see(id)).toMatchObject({ state: 'queued', attempt: 0 })
    const [next] = await boss.fetch(made.name, 10)
    expect(await createBegin(parts)(next ?? delivery)).toMatchObject({ owner: world.owner })
    expect(await jobsOf(id)).toEqual([{ state: 'active' }])
  })

  test('that has begun is told so again: the first answer may have been lost', async () => {
    const { id, delivery, parts } = await delivered()
    const begun = await createBegin(parts)(delivery)
    expect(begun).toMatchObject({ failures: 0, isWished: false })
    expect(await createBegin(parts)(delivery)).toMatchObject({ failures: 0, input: begun?.input })
    expect(await world.events(id)).toHaveLength(2)
  })

  test('begins nothing once a later one of the same job has, and leaves that one alone', async () => {
    const { id, made, boss, delivery, parts } = await delivered()
    await createBegin(parts)(delivery)
    await boss.giveBack([delivery])
    const [next] = await boss.fetch(made.name, 1)
    expect(await createBegin(parts)(next ?? delivery)).toBeDefined()
    expect(await createBegin(parts)(delivery)).toBeUndefined()
    expect(await world.see(id)).toMatchObject({ state: 'running', attempt: 2 })
    expect(await jobsOf(id)).toEqual([{ state: 'active' }])
  })
})

/** Somebody holds the row of a task until the test lets go. */
async function holdRow(id: string) {
  const [held, go] = [gate(), gate()]
  const holding = inTransaction(world.db, async (db) => {
    await sql`select id from tautline.task where id = ${id} for update`.execute(db)
    held.open()
    await go.opened
  })
  await held.opened
  return async () => {
    go.open()
    await holding
  }
}

test('a row that somebody holds keeps its own attempt waiting, and no other', async () => {
  const [one, other] = [await delivered(), await delivered()]
  const [begin, settle] = [createBegin(one.parts), createSettle(one.parts)]
  const success = { kind: 'end', state: 'succeeded', output: '{"json":1}', failures: 0 } as const

  const letBegin = await holdRow(one.id)
  const begun = [begin(one.delivery), begin(other.delivery)]
  expect(await begun[1]).toBeDefined()
  expect(await world.see(one.id)).toMatchObject({ state: 'queued' })
  await letBegin()
  expect(await begun[0]).toBeDefined()

  const letEnd = await holdRow(one.id)
  const ended = [settle(one.settled, success), settle(other.settled, success)]
  expect(await ended[1]).toBe(true)
  expect(await world.see(one.id)).toMatchObject({ state: 'running' })
  await letEnd()
  expect(await ended[0]).toBe(true)
  expect(await world.events(one.id)).toHaveLength(3)
})

describe('a settlement', () => {
  test('of several at a time is one transaction for those who are told, without savepoints', async () => {
    const two = [await delivered(), await delivered()] as const
    for (const { delivery, parts } of two) await createBegin(parts)(delivery)
    const told: unknown[] = []
    const onEnd: OnTasksEnd[] = [async (_, ended) => void told.push(ended.map(({ id }) => id))]
    const settle = createSettle({ boss: two[0].boss, log: world.log, db: cut, onEnd })
    const { cuts } = proxy
    proxy.cutNext({ at: /^savepoint/, moment: 'before' })
    const settled = await Promise.all(two.map(({ settled }) => settle(settled, success)))
    proxy.cutNext({ at: /^no statement$/, moment: 'before' })
    expect([settled, proxy.cuts]).toEqual([[true, true], cuts])
    expect(told).toEqual([two.map(({ id }) => id)])
  })

  const success = { kind: 'end', state: 'succeeded', output: '{"json":1}', failures: 0 } as const
  const again = { kind: 'retry', failures: 1, error: 'no', delayMs: 0 } as const

  test('that cannot be written does not keep those from it that are written with it', async () => {
    const [refused, other] = [await delivered(), await delivered()]
    const begin = createBegin(refused.parts)
    await Promise.all([begin(refused.delivery), begin(other.delivery)])
    await world.ask(`alter table tautline.task
      add constraint refuse check (id <> '${refused.id}' or state <> 'succeeded')`)
    const settle = createSettle(refused.parts)
    const settled = [settle(refused.settled, success), settle(other.settled, success)]
    await expect(settled[0]).rejects.toMatchObject({ constraint: 'refuse' })
    expect(await settled[1]).toBe(true)
    await world.ask('alter table tautline.task drop constraint refuse')
  })

  test.each([success, again])('writes nothing when the job is another’s: $kind', async (what) => {
    const { id, boss, delivery, parts, settled } = await delivered()
    await createBegin(parts)(delivery)
    await boss.giveBack([delivery])
    const before = await world.see(id)
    expect(await createSettle(parts)(settled, what)).toBe(false)
    expect(await world.see(id)).toEqual(before)
    expect(await jobsOf(id)).toEqual([{ state: 'retry' }])
  })

  test.each([success, again])('leaves the job when the row is another’s: $kind', async (what) => {
    const { id, delivery, parts, settled } = await delivered()
    await createBegin(parts)(delivery)
    await world.ask(`update tautline.task set attempt = 2 where id = '${id}'`)
    expect(await createSettle(parts)(settled, what)).toBe(false)
    expect(await jobsOf(id)).toEqual([{ state: 'active' }])
  })
})

const moments = ['before', 'answered'] as const

describe.each(moments)('an attempt whose connection breaks, %s', (moment) => {
  test.each([
    ['as it begins', /set state = 'running', attempt = held/],
    ['as it is settled', /set state = asked.state/],
    ['as that is committed', /^commit$/],
  ])('%s, runs once, and ends once', async (_, at) => {
    let runs = 0
    const { cuts } = proxy
    proxy.cutNext({ at, moment })
    // Somebody who is told makes it a transaction.
    const given = { db: cut, ...(at.test('commit') && { onEnd: [async () => {}] }) }
    const { id } = await startTask(world, async () => ++runs, given)
    expect(await world.when(id, 'succeeded')).toMatchObject({ attempt: 1, output: 1 })
    expect([runs, proxy.cuts]).toEqual([1, cuts + 1])
    expect((await world.events(id)).map(([, type]) => type)).toEqual([
      'queued',
      'started',
      'succeeded',
    ])
  })

  test.each([
    ['as a step begins', /insert into tautline.task_step/],
    ['as a step ends', /update tautline.task_step/],
  ])('%s, knows what came of it, and is not lost by it', async (_, at) => {
    let effects = 0
    const outcomes: StepOutcome<number>[] = []
    const { cuts } = proxy
    proxy.cutNext({ at, moment })
    const run = async () => ++effects
    const { id } = await startTask(
      world,
      async ({ ctx }) => outcomes.push(await ctx.step('print', run)),
      { db: cut },
    )
    expect(await world.when(id, 'succeeded')).toMatchObject({ attempt: 1 })
    expect(outcomes).toEqual([{ status: 'done', value: 1, isReplay: false }])
    expect([effects, proxy.cuts]).toEqual([1, cuts + 1])
  })

  test('under a commit of its handler, is tried again', async () => {
    const reasons: unknown[] = []
    const { id } = await startTask(
      world,
      async ({ ctx }) => {
        if (ctx.task.attempt > 1) return
        proxy.cutNext({ at: /^commit$/, moment })
        await ctx
          .transaction(async () => {})
          .catch((error: unknown) => {
            reasons.push(error)
            throw error
          })
      },
      { db: cut },
    )
    expect(await world.when(id, 'succeeded')).toMatchObject({ attempt: 2, failures: 1 })
    expect(reasons).toEqual([expect.objectContaining({ reason: 'COMMIT_UNKNOWN' })])
  })
})

import { setImmediate as untilNextTurn } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import type { Db } from '../db/database.ts'
import {
  openTaskWorld,
  startTask,
  testTask,
  type TaskWorld,
  type TestContext,
} from './worker-world.fixture.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await openTaskWorld()
  await world.ask('create table note (text text not null)')
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(() => world.ask('truncate note'))

const write = (db: Db, text: string) => sql`insert into note values (${text})`.execute(db)

const notes = async () => (await world.ask('select text from note')).map(({ text }) => text)

/** What a handler comes to, and what its task says then. */
async function handled(run: (ctx: TestContext) => Promise<unknown>) {
  const { id } = await startTask(world, ({ ctx }) =>
    run(ctx).catch((error: unknown) => (error instanceof Error ? error.message : 'odd')),
  )
  const { output } = await world.when(id, 'succeeded')
  const all = await world.events(id)
  const own = all.flatMap(([, type, data]) => (type === 'custom' ? [data] : []))
  return { output, own }
}

const page = (number: number) => ({ name: 'page', data: { page: number } })

test('what a transaction writes, tells and enqueues comes with its commit', async () => {
  const other = testTask(async () => 'other')
  const process = await world.start([other])
  const { own, output } = await handled((ctx) =>
    ctx.transaction(async (db) => {
      await write(db, 'first')
      await ctx.emit('page', { page: 1 })
      await ctx.emit('page', { page: 2 })
      const { rows } = await sql`select seq from tautline.task_event
        where task_id = ${ctx.task.id} and type = 'custom'`.execute(db)
      const { id } = await ctx.enqueue(other, { pages: 1 })
      return { id, toldBefore: rows.length }
    }),
  )
  expect(own).toEqual([page(1), page(2)])
  expect(await notes()).toEqual(['first'])
  expect(output).toMatchObject({ toldBefore: 0 })
  await process.worker.stop({ timeoutMs: 0 })
})

test('nothing is left of a transaction that was rolled back', async () => {
  const other = testTask(async () => 'other')
  const process = await world.start([other])
  const { own, output } = await handled((ctx) =>
    ctx.transaction(async (db) => {
      await write(db, 'first')
      await ctx.emit('page', { page: 1 })
      await ctx.enqueue(other, { pages: 1 })
      throw new Error('no')
    }),
  )
  expect(output).toBe('no')
  expect(own).toEqual([])
  expect(await notes()).toEqual([])
  expect(await world.ask(`select id from tautline.task where name = '${other.name}'`)).toEqual([])
  await process.worker.stop({ timeoutMs: 0 })
})

test('an inner transaction that was rolled back takes its events along, and no others', async () => {
  const { own } = await handled((ctx) =>
    ctx.transaction(async (db) => {
      await ctx.emit('page', { page: 1 })
      const inner = ctx.transaction(async (savepoint) => {
        await write(savepoint, 'inner')
        await ctx.emit('page', { page: 2 })
        throw new Error('no')
      })
      await inner.catch(() => {})
      await write(db, 'outer')
      await ctx.emit('page', { page: 3 })
    }),
  )
  expect(own).toEqual([page(1), page(3)])
  expect(await notes()).toEqual(['outer'])
})

test('progress between many short transactions is written now and then, and the last of it always', async () => {
  const { id } = await startTask(world, async ({ ctx }) => {
    const startedAt = performance.now()
    for (let n = 1; n <= 40; n++) {
      ctx.progress(n, 40)
      await ctx.transaction((db) => write(db, `row ${n}`))
    }
    return performance.now() - startedAt
  })
  const { output, progress_current: last } = await world.when(id, 'succeeded')
  const told = (await world.events(id)).filter(([, type]) => type === 'progress')
  expect(told.length).toBeLessThanOrEqual(Number(output) / 250 + 2)
  expect(last).toBe(40)
})

test('progress in a tight loop is written now and then, and the last of it always', async () => {
  const times = 100_000
  const { id } = await startTask(world, async ({ ctx }) => {
    const startedAt = performance.now()
    for (let n = 1; n <= times; n++) {
      ctx.progress(n, times)
      if (n % 100 === 0) await untilNextTurn()
    }
    return performance.now() - startedAt
  })
  const { output, progress_current: last } = await world.when(id, 'succeeded')
  const told = (await world.events(id)).filter(([, type]) => type === 'progress')
  expect(told.length).toBeLessThanOrEqual(Number(output) / 250 + 2)
  expect(told.at(-1)?.[2]).toMatchObject({ current: times, total: times })
  expect(last).toBe(times)
})

test('a read only reads', async () => {
  const { output } = await handled((ctx) => ctx.read((db) => write(db, 'no')))
  expect(output).toBe('cannot execute INSERT in a read-only transaction')
  const told = await handled((ctx) => ctx.read(() => ctx.emit('page', { page: 1 })))
  expect(told.output).toBe('Inside ctx.read nothing is written.')
  const written = await handled((ctx) => ctx.read(() => ctx.transaction(async () => 1)))
  expect(written.output).toBe('Inside ctx.read nothing is written.')
})

test('a read inside a transaction sees what that has written', async () => {
  const { output } = await handled((ctx) =>
    ctx.transaction(async (db) => {
      await write(db, 'first')
      return ctx.read(async (reading) => {
        const { rows } = await sql`select text from note`.execute(reading)
        return rows
      })
    }),
  )
  expect(output).toEqual([{ text: 'first' }])
})

test('what is not awaited in its transaction is refused once that is over', async () => {
  const { output } = await handled(async (ctx) => {
    let later: (() => Promise<void>) | undefined
    await ctx.transaction(async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const late = promise.then(() => ctx.emit('page', { page: 1 }))
      later = () => {
        resolve()
        return late
      }
    })
    await later?.()
  })
  expect(output).toBe('The transaction is over; await what it does.')
})

test('an event that its schema refuses, or that there is none of, is not added', async () => {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- as from code without types
  const { own } = await handled((ctx) => ctx.emit('page', { page: 'one' as unknown as number }))
  expect(own).toEqual([])
})

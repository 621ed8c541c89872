import { sql } from 'kysely'
import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { defineApp } from '../../app-definition.ts'
import { mutation, query } from '../../rpc/define.ts'
import { task } from '../../tasks/definition.ts'
import { tasks } from './tasks.ts'

/** As many as an owner may have in this backend. */
export const MAX_UNFINISHED = 12

/** How often handlers have run, by what they are to note. */
export const runs = new Map<string, number>()

function note(what: string): number {
  const count = (runs.get(what) ?? 0) + 1
  runs.set(what, count)
  return count
}

const ReportInput = z.strictObject({ note: z.string(), pages: z.int().min(1).default(1) })
const Accepted = z.object({ id: z.string(), isDuplicate: z.boolean() })

export const report = task({
  name: 'work.report',
  summary: 'Makes a report.',
  input: ReportInput,
  output: z.object({ pages: z.int(), at: z.date() }),
  async run({ input }) {
    note(`ran ${input.note}`)
    return { pages: input.pages, at: new Date(0) }
  },
})

export const single = task({
  name: 'work.single',
  summary: 'Does what is done once at a time.',
  input: z.strictObject({ key: z.string() }),
  output: z.void(),
  dedupeKey: ({ key }) => key,
  run: async () => {},
})

/** Fails, for good or as often as it is tried. */
export const doomed = task({
  name: 'work.doomed',
  summary: 'Fails.',
  input: z.strictObject({ forGood: z.boolean() }),
  output: z.void(),
  retry: { limit: 0 },
  async run({ input: { forGood } }) {
    if (forGood) throw new Failure(commonErrors.FORBIDDEN)
    throw new Error('It did not work.')
  },
})

const make = mutation({
  summary: 'Enqueues a report.',
  input: ReportInput,
  output: Accepted,
  policy: { allow: 'user', idempotent: 'optional' },
  run({ ctx, input }) {
    note(`made ${input.note}`)
    return ctx.enqueue(report, input)
  },
})

const makeForNobody = mutation({
  summary: 'Enqueues a report for nobody, and one for somebody who does not call.',
  input: z.strictObject({ owner: z.string() }),
  output: z.array(Accepted),
  policy: { allow: 'public' },
  async run({ ctx, input: { owner } }) {
    const own = await ctx.enqueue(report, { note: '' })
    const wish = { task: report, input: { note: '' }, owner }
    return [own, await ctx.tasks.accept(ctx.db, wish)]
  },
})

const makeSingle = mutation({
  summary: 'Enqueues what is done once at a time.',
  input: z.strictObject({ key: z.string() }),
  output: Accepted,
  policy: { allow: 'user' },
  run: ({ ctx, input }) => ctx.enqueue(single, input),
})

const makeDoomed = mutation({
  summary: 'Enqueues what fails.',
  input: z.strictObject({ forGood: z.boolean() }),
  output: Accepted,
  policy: { allow: 'user' },
  run: ({ ctx, input }) => ctx.enqueue(doomed, input),
})

const makeBad = mutation({
  summary: 'Enqueues a report without pages.',
  output: Accepted,
  policy: { allow: 'user' },
  run: ({ ctx }) => ctx.enqueue(report, { note: '', pages: 0 }),
})

const makeAndFail = mutation({
  summary: 'Enqueues a report, and then refuses.',
  input: ReportInput,
  output: Accepted,
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    await ctx.enqueue(report, input)
    throw new Failure(commonErrors.FORBIDDEN)
  },
})

const makeTwice = mutation({
  summary: 'Enqueues a report; the first time its transaction is refused by others.',
  input: ReportInput,
  output: Accepted,
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    const accepted = await ctx.enqueue(report, input)
    if (note(`tried ${input.note}`) === 1) {
      await sql`do $$ begin raise sqlstate '40001'; end $$`.execute(ctx.db)
    }
    return accepted
  },
})

/** Where a report is enqueued, and what becomes of that. */
const Ways = z.enum(['outside', 'committed', 'rolled back', 'rolled back inside', 'then fails'])

const makeWithout = mutation({
  summary: 'Enqueues a report in a handler that is no transaction.',
  input: z.strictObject({ note: z.string(), way: Ways }),
  output: z.void(),
  policy: { allow: 'user', transaction: 'none', queries: { max: 1 } },
  async run({ ctx, input: { note: named, way } }) {
    const enqueue = () => ctx.enqueue(report, { note: named })
    const fail = () => Promise.reject(new Failure(commonErrors.FORBIDDEN))
    switch (way) {
      case 'outside':
        return void (await enqueue())
      case 'committed':
        return ctx.transaction(async () => void (await enqueue()))
      case 'rolled back':
        return ctx.transaction(async () => {
          await enqueue()
          return fail()
        })
      case 'rolled back inside':
        return ctx.transaction(async () => {
          const inner = ctx.transaction(async () => {
            await enqueue()
            return fail()
          })
          await inner.catch(() => {})
        })
      case 'then fails':
        await enqueue()
        throw new Failure(commonErrors.UNAVAILABLE)
    }
  },
})

const makeMany = mutation({
  summary: 'Enqueues ten reports, and asks one question of its own.',
  input: z.strictObject({ note: z.string() }),
  output: z.int(),
  policy: { allow: 'user', queries: { max: 1 } },
  async run({ ctx, input }) {
    await sql`select 1`.execute(ctx.db)
    for (let pages = 1; pages <= 10; pages++) await ctx.enqueue(report, { ...input, pages })
    return 10
  },
})

const ask = query({
  summary: 'Tries to enqueue a report.',
  output: z.void(),
  policy: { allow: 'user' },
  async run({ ctx }) {
    const enqueue: unknown = Reflect.get(ctx, 'enqueue')
    if (typeof enqueue === 'function') await enqueue(report, { note: 'asked' })
  },
})

export const app = defineApp({
  name: 'works',
  version: '0.0.0',
  features: {
    tasks: tasks({ maxUnfinished: MAX_UNFINISHED }),
    work: {
      router: {
        make,
        makeForNobody,
        makeSingle,
        makeDoomed,
        makeBad,
        makeAndFail,
        makeTwice,
        makeWithout,
        makeMany,
        ask,
      },
      tasks: [report, single, doomed],
    },
  },
  identity: async () => null,
  migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
})

import { sql, type Kysely } from 'kysely'
import { z } from 'zod'

import { defineApp, mutation, query } from '../index.ts'
import type { Db } from './database.ts'
import { meetingPoint } from './meeting-point.fixture.ts'

declare module './database.ts' {
  interface Database {
    change: { id: string }
  }
}

/** How often the handler of a change has run. */
export const attempts = new Map<string, number>()

/** Where handlers wait inside their transaction, and tests for them. */
export const halfway = meetingPoint()

const Change = z.strictObject({ id: z.string() })
const policy = { allow: 'public' } as const

async function insertChange(db: Db, id: string): Promise<void> {
  attempts.set(id, (attempts.get(id) ?? 0) + 1)
  await db.insertInto('change').values({ id }).execute()
}

const sleepFor = (db: Db, seconds: number) => sql`select pg_sleep(${seconds})`.execute(db)

const Nap = z.strictObject({ seconds: z.number() })

const queries = {
  nap: query({
    summary: 'Keeps one connection busy.',
    input: Nap,
    output: z.literal('rested'),
    policy: { ...policy, timeoutMs: 40_000 },
    run: async ({ ctx, input }) => (await sleepFor(ctx.db, input.seconds)) && ('rested' as const),
  }),

  napInVain: query({
    summary: 'Has less time than it sleeps.',
    input: Nap,
    output: z.void(),
    policy: { ...policy, timeoutMs: 300 },
    run: async ({ ctx, input }) => void (await sleepFor(ctx.db, input.seconds)),
  }),

  list: query({
    summary: 'The ids of all changes.',
    output: z.array(z.string()),
    policy,
    run: async ({ ctx }) =>
      (await ctx.db.selectFrom('change').select('id').execute()).map(({ id }) => id),
  }),
}

const changes = {
  make: mutation({
    summary: 'Makes a change, in a transaction.',
    input: Change,
    output: z.void(),
    policy,
    run: ({ ctx, input }) => insertChange(ctx.db, input.id),
  }),

  makeAtOnce: mutation({
    summary: 'Makes a change by a statement that commits by itself.',
    input: Change,
    output: z.void(),
    policy: { ...policy, transaction: 'none' },
    run: ({ ctx, input }) => insertChange(ctx.db, input.id),
  }),

  makeAtOnceAndNap: mutation({
    summary: 'Makes a change that commits by itself and sleeps, and has half a second for both.',
    input: Change.extend({ seconds: z.number() }),
    output: z.void(),
    policy: { ...policy, transaction: 'none', timeoutMs: 500 },
    async run({ ctx, input: { id, seconds } }) {
      await ctx.transaction((db) => insertChange(db, id))
      await ctx.transaction((db) => sleepFor(db, seconds))
    },
  }),

  makeInSavepoints: mutation({
    summary: 'Makes a change in a savepoint, and another one around or beside it, which fails.',
    input: Change.extend({ how: z.enum(['nested', 'side by side']) }),
    output: z.array(z.enum(['fulfilled', 'rejected'])),
    policy,
    async run({ ctx, input: { id, how } }) {
      const make = () => ctx.transaction((db) => insertChange(db, id))
      const fail = (first: () => Promise<unknown>) =>
        ctx.transaction(async (db) => {
          await first()
          await sleepFor(db, 0)
          throw new Error('This savepoint fails.')
        })
      const steps = how === 'nested' ? [fail(make)] : [fail(async () => {}), make()]
      const settled = await Promise.allSettled(steps)
      if (how === 'nested') await make()
      return settled.map(({ status }) => status)
    },
  }),

  readAtOnce: mutation({
    summary: 'Reads outside a transaction.',
    input: Change,
    output: z.number(),
    policy: { ...policy, transaction: 'none' },
    run: async ({ ctx, input }) =>
      (await ctx.db.selectFrom('change').select('id').where('id', '=', input.id).execute()).length,
  }),

  makeAndNap: mutation({
    summary: 'Makes a change and sleeps before the commit.',
    input: Change,
    output: z.void(),
    policy,
    async run({ ctx, input }) {
      await insertChange(ctx.db, input.id)
      await sleepFor(ctx.db, 30)
    },
  }),

  makeInHaste: mutation({
    summary: 'Makes a change and sleeps, and has half a second for both.',
    input: Change.extend({ seconds: z.number() }),
    output: z.void(),
    policy: { ...policy, timeoutMs: 500 },
    async run({ ctx, input: { id, seconds } }) {
      await insertChange(ctx.db, id)
      await sleepFor(ctx.db, seconds)
    },
  }),

  makeAndMeet: mutation({
    summary: 'Makes a change, waits at the meeting point, and may ask the database once more.',
    input: Change.extend({ next: z.enum(['ask', 'commit']) }),
    output: z.void(),
    policy,
    async run({ ctx, input: { id, next } }) {
      await insertChange(ctx.db, id)
      await halfway.arrive()
      if (next === 'ask') await sleepFor(ctx.db, 0)
    },
  }),
}

const conflicts = {
  swallow: mutation({
    summary: 'Makes a change and swallows the error of a later statement.',
    input: Change,
    output: z.void(),
    policy,
    async run({ ctx, input }) {
      await insertChange(ctx.db, input.id)
      await sql`select 1 / 0`.execute(ctx.db).catch(() => {})
    },
  }),

  contend: mutation({
    summary: 'Makes a change, and is refused for a rival the first times.',
    input: Change.extend({ refusals: z.int() }),
    output: z.void(),
    policy,
    async run({ ctx, input }) {
      await insertChange(ctx.db, input.id)
      if ((attempts.get(input.id) ?? 0) > input.refusals) return
      await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(ctx.db)
    },
  }),

  countAndMake: mutation({
    summary: 'Makes a change that depends on how many there are, serializably.',
    input: Change,
    output: z.int(),
    policy,
    async run({ ctx, input }) {
      await sql`set transaction isolation level serializable`.execute(ctx.db)
      const before = await ctx.db.selectFrom('change').select('id').execute()
      await insertChange(ctx.db, input.id)
      if (attempts.get(input.id) === 1) await halfway.arrive()
      return before.length
    },
  }),

  lockTwice: mutation({
    summary: 'Makes a change under two locks, one after the other.',
    input: Change.extend({ first: z.int(), second: z.int() }),
    output: z.void(),
    policy,
    async run({ ctx, input: { id, first, second } }) {
      await insertChange(ctx.db, id)
      await sql`select pg_advisory_xact_lock(${first})`.execute(ctx.db)
      if (attempts.get(id) === 1) await halfway.arrive()
      await sql`select pg_advisory_xact_lock(${second})`.execute(ctx.db)
    },
  }),
}

/** A backend whose procedures get into every trouble that a database can make. */
export const faultApp = defineApp({
  name: 'faults',
  version: '1.0.0',
  features: {
    changes: {
      router: { ...queries, ...changes, ...conflicts },
      migrations: {
        '2026-11-22-change': {
          up: (db: Kysely<unknown>) =>
            db.schema
              .createTable('change')
              .addColumn('id', 'text', (column) => column.primaryKey())
              .execute(),
        },
      },
    },
  },
  identity: () => null,
  migrations: new URL('../rpc/no-migrations.fixture/', import.meta.url),
})

import { sql } from 'kysely'
import { z } from 'zod'

import { defineApp } from './app-definition.ts'
import type { Db } from './db/database.ts'
import { createLoader } from './db/loader.ts'
import { mutation, query, subscription } from './rpc/define.ts'

/*
 * A backend that asks too much of its database. It lies here because lines of the kernel's own
 * folders are not told; those that a test looks for are marked.
 */

const one = (db: Db, n: number) => sql`select ${n}::int as n`.execute(db) // line: one

const findOne = createLoader(async (db, keys: readonly number[]) => {
  const { rows } = await sql<{ n: number; position: bigint }>`
    select n, position from unnest(${[...keys]}::int[]) with ordinality as asked (n, position)`.execute(
    db,
  )
  return rows
})

const Times = z.strictObject({ times: z.int() })
const Done = z.literal('done')

const numbers = (db: Db, rows: number) =>
  db
    .selectFrom(sql<{ n: number }>`generate_series(1, ${rows}::int)`.as<'g'>(sql`g(n)`))
    .select('g.n')

/** Numbers for which `kept` asks too much from now on. */
export const renewing = new Set<number>()

/** How often `retried` has begun. */
let begun = 0

const many = {
  inTurn: query({
    summary: 'Asks once for each, one after the other.',
    input: Times,
    output: Done,
    policy: { allow: 'public' },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) {
        await one(ctx.db, n) // line: in turn
      }
      return 'done' as const
    },
  }),

  atOnce: query({
    summary: 'Asks once for each, all at the same time, without an async function.',
    input: Times,
    output: Done,
    policy: { allow: 'public' },
    run: ({ ctx, input }) =>
      Promise.all(
        Array.from({ length: input.times }, (_, n) => one(ctx.db, n)), // line: at once
      ).then(() => 'done' as const),
  }),

  inTransaction: mutation({
    summary: 'Writes each, in its transaction.',
    input: Times,
    output: Done,
    policy: { allow: 'public' },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) {
        await sql`insert into made values (${n})`.execute(ctx.db) // line: in transaction
      }
      return 'done' as const
    },
  }),

  streamed: query({
    summary: 'Reads many rows by a cursor, in a transaction or out of one.',
    input: z.strictObject({ rows: z.int(), within: z.boolean() }),
    output: z.int(),
    policy: { allow: 'public', queries: { max: 1 } },
    async run({ ctx, input }) {
      const count = async (db: Db) => {
        let seen = 0
        for await (const _ of numbers(db, input.rows).stream(10)) seen++
        return seen
      }
      return input.within ? ctx.transaction(count) : count(ctx.db)
    },
  }),

  keyed: mutation({
    summary: 'Asks for each, and makes something invalid; each of its own accord.',
    input: Times,
    output: Done,
    policy: {
      allow: 'user',
      idempotent: 'optional',
      queries: { max: 1 },
      invalidates: () => ['made'],
    },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) await one(ctx.db, n)
      return 'done' as const
    },
  }),

  fresh: query({
    summary: 'Asks once, for callers whose session is looked at.',
    output: Done,
    policy: { allow: 'user', fresh: true, queries: { max: 1 } },
    async run({ ctx }) {
      await one(ctx.db, 1)
      return 'done' as const
    },
  }),

  kept: query({
    summary: 'Asks once for each, and is renewed behind its back.',
    input: Times,
    output: Done,
    policy: { allow: 'public', cache: { ttlMs: 1, staleMs: 60_000, scope: 'public' } },
    async run({ ctx, input }) {
      const times = renewing.has(input.times) ? 21 : input.times
      for (let n = 0; n < times; n++) await one(ctx.db, n)
      return 'done' as const
    },
  }),

  swallowing: query({
    summary: 'Does not mind what fails.',
    input: Times,
    output: Done,
    policy: { allow: 'public' },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) await one(ctx.db, n).catch(() => {})
      return 'done' as const
    },
  }),

  declared: query({
    summary: 'Says that it asks more.',
    input: Times,
    output: Done,
    policy: { allow: 'public', queries: { max: 30 } },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) await one(ctx.db, n)
      return 'done' as const
    },
  }),

  loaded: query({
    summary: 'Asks a loader for each.',
    input: Times,
    output: Done,
    policy: { allow: 'public', queries: { max: 1 } },
    async run({ ctx, input }) {
      const numbers = Array.from({ length: input.times }, (_, n) => n)
      await Promise.all(numbers.map((n) => findOne(ctx.db, n)))
      return 'done' as const
    },
  }),

  loadedInTurn: query({
    summary: 'Asks a loader for one after the other.',
    input: Times,
    output: Done,
    policy: { allow: 'public' },
    async run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) {
        await findOne(ctx.db, n) // line: loaded in turn
      }
      return 'done' as const
    },
  }),

  slow: query({
    summary: 'Takes its time in the database.',
    output: Done,
    policy: { allow: 'public', queries: { timeMs: 50 } },
    async run({ ctx }) {
      await sql`select pg_sleep(0.1)`.execute(ctx.db) // line: slow
      return 'done' as const
    },
  }),

  retried: mutation({
    summary: 'Is refused twice for a rival, with two statements each time.',
    output: Done,
    policy: { allow: 'public', queries: { max: 3 } },
    async run({ ctx }) {
      await one(ctx.db, 1)
      if (++begun % 3 === 0) await one(ctx.db, 2)
      else await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(ctx.db)
      return 'done' as const
    },
  }),

  stream: subscription({
    summary: 'Asks for as long as it lasts.',
    input: Times,
    output: z.int(),
    policy: { allow: 'public' },
    async *run({ ctx, input }) {
      for (let n = 0; n < input.times; n++) {
        await one(ctx.db, n)
        yield n
      }
    },
  }),
}

export const frugalApp = defineApp({
  name: 'frugal',
  version: '1.2.3',
  features: { many: { router: many } },
  identity: () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})

import { sql, type Kysely } from 'kysely'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { currentCall } from '../platform/call-scope.ts'
import { upstreamErrors } from '../policies/outgoing/failures.ts'
import { mutation, query } from './define.ts'

declare module '../db/database.ts' {
  interface Database {
    step: { name: string }
  }
}

const remainingMs = async () => (currentCall()?.deadlineAt ?? Infinity) - performance.now()

const patience = {
  nap: query({
    summary: 'Sleeps in the database for as long as it is let.',
    output: z.literal('rested'),
    policy: { allow: 'public', timeoutMs: 20_000 },
    async run({ ctx }) {
      await sql`select pg_sleep(30)`.execute(ctx.db)
      return 'rested' as const
    },
  }),

  stepAndNap: mutation({
    summary: 'Writes a row and sleeps before the commit.',
    input: z.strictObject({ name: z.string() }),
    output: z.void(),
    policy: { allow: 'public', timeoutMs: 20_000 },
    async run({ ctx, input }) {
      await ctx.db.insertInto('step').values(input).execute()
      await sql`select pg_sleep(30)`.execute(ctx.db)
    },
  }),

  fetch: query({
    summary: 'Asks another service.',
    input: z.strictObject({ url: z.string() }),
    output: z.object({ status: z.int() }),
    errors: upstreamErrors,
    policy: { allow: 'public', timeoutMs: 20_000 },
    run: ({ ctx, input }) => ctx.outgoing.fetch(input.url),
  }),

  short: query({
    summary: 'Says what is left of its two seconds, in milliseconds.',
    output: z.number(),
    policy: { allow: 'public', timeoutMs: 2_000 },
    run: remainingMs,
  }),

  long: query({
    summary: 'Says what is left of its minute, in milliseconds.',
    output: z.number(),
    policy: { allow: 'public', timeoutMs: 60_000 },
    run: remainingMs,
  }),
}

/** A backend whose procedures take all the time that they get. */
export const deadlineApp = defineApp({
  name: 'deadlines',
  version: '1.0.0',
  features: {
    patience: {
      router: patience,
      migrations: {
        '2026-11-22-step': {
          up: (db: Kysely<unknown>) =>
            db.schema.createTable('step').addColumn('name', 'text').execute(),
        },
      },
    },
  },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

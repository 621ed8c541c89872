import { z } from 'zod'

import { defineApp, mutation, query, type Db } from '@tautline/kit'

const napFor = (db: Db, seconds: number) =>
  db.selectNoFrom((of) => of.fn('pg_sleep', [of.val(seconds)]).as('nap')).execute()

const nap = query({
  summary: 'Sleeps in the database for half a minute, if it is let.',
  output: z.literal('rested'),
  policy: { allow: 'public', timeoutMs: 60_000 },
  async run({ ctx }) {
    await napFor(ctx.db, 30)
    return 'rested' as const
  },
})

const napInTransaction = mutation({
  summary: 'Does the same in a transaction.',
  output: z.literal('rested'),
  policy: { allow: 'public', timeoutMs: 60_000 },
  async run({ ctx }) {
    await napFor(ctx.db, 30)
    return 'rested' as const
  },
})

const ping = query({
  summary: 'Asks the database for nothing much.',
  output: z.literal('pong'),
  policy: { allow: 'public', priority: 'critical' },
  async run({ ctx }) {
    await napFor(ctx.db, 0)
    return 'pong' as const
  },
})

/** A backend that is asked for far more than its callers wait for. */
export const app = defineApp({
  name: 'sleepy',
  version: '1.0.0',
  features: { bed: { router: { nap, napInTransaction, ping } } },
  identity: () => null,
  migrations: new URL('../client-session/no-migrations/', import.meta.url),
})

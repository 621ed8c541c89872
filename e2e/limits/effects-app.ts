import { z } from 'zod'

import { auth, bearerIdentity, defineApp, mutation, query, type Db } from '@tautline/kit'

interface EffectTable {
  way: string
}

declare module '@tautline/kit' {
  interface Database {
    limited_effect: EffectTable
  }
}

/** What one caller, or one address, may have in a second, and at once. */
export const FLOOD = { amount: 5, windowMs: 1_000, burst: 10 } as const

/** So few, and they do not come back while a test runs. */
export const FEW = { amount: 4, windowMs: 3_600_000 } as const

const Way = z.strictObject({ way: z.string().max(100) })

const note = async (db: Db, way: string) => {
  await db.insertInto('limited_effect').values({ way }).execute()
  return true as const
}

const effects = {
  add: mutation({
    summary: 'Leaves a row behind.',
    input: Way,
    output: z.literal(true),
    policy: { allow: 'user', limit: 'flood' },
    run: ({ ctx, input }) => note(ctx.db, input.way),
  }),

  addUnnamed: mutation({
    summary: 'The same for anybody.',
    input: Way,
    output: z.literal(true),
    policy: { allow: 'public', limit: 'flood' },
    run: ({ ctx, input }) => note(ctx.db, input.way),
  }),

  addFew: mutation({
    summary: 'The same, a few times.',
    input: Way,
    output: z.literal(true),
    policy: { allow: 'user', limit: 'few' },
    run: ({ ctx, input }) => note(ctx.db, input.way),
  }),

  addOnce: mutation({
    summary: 'The same, once for each key.',
    input: Way,
    output: z.int(),
    policy: {
      allow: 'user',
      idempotent: 'required',
      invalidates: ({ input }) => [`way:${input.way}`],
    },
    async run({ ctx, input }) {
      await note(ctx.db, input.way)
      return countWay(ctx.db, input.way)
    },
  }),

  count: query({
    summary: 'How many rows there are; kept for a while.',
    input: Way,
    output: z.int(),
    policy: {
      allow: 'user',
      cache: { ttlMs: 60_000, scope: 'caller', tags: ({ way }) => [`way:${way}`] },
    },
    run: ({ ctx, input }) => countWay(ctx.db, input.way),
  }),
}

async function countWay(db: Db, way: string): Promise<number> {
  const { count } = await db
    .selectFrom('limited_effect')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('way', '=', way)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** A backend whose calls can be counted by what they left behind. */
export const app = defineApp({
  name: 'effects',
  version: '1.0.0',
  features: { auth: auth(), effects: { router: effects } },
  limits: {
    flood: { ...FLOOD, by: 'caller' },
    few: { ...FEW, by: 'caller' },
  },
  identity: bearerIdentity(),
  migrations: new URL('./migrations/', import.meta.url),
})

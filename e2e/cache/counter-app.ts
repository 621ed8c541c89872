import { z } from 'zod'

import { defineApp, defineError, Failure, mutation, query, type Db } from '@tautline/kit'

interface CounterTable {
  id: string
  value: number
}

declare module '@tautline/kit' {
  interface Database {
    counter: CounterTable
    fill_run: { key: string }
  }
}

const MINUTE_MS = 60_000

/** How long the answers are kept that nothing but time makes invalid, in milliseconds. */
const TTL_MS = 500

const UNLUCKY = defineError('UNLUCKY', { code: 'CONFLICT', message: 'The first run fails.' })

const ById = z.strictObject({ id: z.string() })
const Counter = z.object({ id: z.string(), value: z.int() })

async function find(db: Db, id: string): Promise<CounterTable> {
  const found = await db
    .selectFrom('counter')
    .select(['id', 'value'])
    .where('id', '=', id)
    .executeTakeFirst()
  return found ?? { id, value: 0 }
}

/** Leaves a row for this run, and tells how many there are. */
async function countRun(db: Db, key: string): Promise<number> {
  await db.insertInto('fill_run').values({ key }).execute()
  const rows = await db.selectFrom('fill_run').select('key').where('key', '=', key).execute()
  return rows.length
}

const counter = {
  get: query({
    summary: 'One counter.',
    input: ById,
    output: Counter,
    policy: {
      allow: 'public',
      cache: { ttlMs: MINUTE_MS, scope: 'public', tags: ({ id }) => [`counter:${id}`] },
    },
    run: ({ ctx, input }) => find(ctx.db, input.id),
  }),

  all: query({
    summary: 'All counters.',
    output: z.array(Counter),
    policy: {
      allow: 'public',
      cache: { ttlMs: MINUTE_MS, scope: 'public', tags: () => ['counters'] },
    },
    run: ({ ctx }) => ctx.db.selectFrom('counter').select(['id', 'value']).execute(),
  }),

  getForTime: query({
    summary: 'One counter, by a cache that knows no changes.',
    input: ById,
    output: Counter,
    policy: { allow: 'public', cache: { ttlMs: TTL_MS, scope: 'public' } },
    run: ({ ctx, input }) => find(ctx.db, input.id),
  }),

  add: mutation({
    summary: 'Counts.',
    input: ById,
    output: Counter,
    policy: {
      allow: 'public',
      invalidates: ({ input: { id } }) => [`counter:${id}`, 'counters'],
    },
    run: ({ ctx, input: { id } }) =>
      ctx.db
        .insertInto('counter')
        .values({ id, value: 1 })
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((build) => ({ value: build('counter.value', '+', 1) })),
        )
        .returning(['id', 'value'])
        .executeTakeFirstOrThrow(),
  }),

  unlucky: query({
    summary: 'Fails the first time that it runs for a key; each run leaves a row.',
    input: z.strictObject({ key: z.string() }),
    output: z.object({ run: z.int() }),
    errors: [UNLUCKY],
    policy: {
      allow: 'public',
      timeoutMs: 30_000, // a thousand calls at once may take long on a small machine
      cache: { ttlMs: MINUTE_MS, scope: 'public', tags: () => ['luck'] },
    },
    async run({ ctx, input }) {
      const run = await countRun(ctx.db, input.key)
      if (run === 1) throw new Failure(UNLUCKY)
      return { run }
    },
  }),

  mark: query({
    summary: 'What only the caller may see.',
    output: z.object({ mark: z.string() }),
    policy: { allow: 'user', cache: { ttlMs: MINUTE_MS, scope: 'caller', tags: () => ['marks'] } },
    run: async ({ ctx }) => ({ mark: `mark of ${ctx.principal.userId}` }),
  }),
}

/** A backend whose answers are kept, and whose callers say who they are. */
export const app = defineApp({
  name: 'counters',
  version: '1.0.0',
  features: { counter: { router: counter } },
  identity({ headers }) {
    const userId = headers['x-user']
    return typeof userId === 'string' ? { userId, roles: [], scopes: [] } : null
  },
  migrations: new URL('./migrations/', import.meta.url),
})

import { sql } from 'kysely'
import { z } from 'zod'

import { defineError, Failure } from '@tautline/shared'

import { defineApp } from '../app-definition.ts'
import { mutation, query, subscription } from './define.ts'

export const NO_LUCK = defineError('NO_LUCK', {
  code: 'CONFLICT',
  message: 'No luck this time.',
  data: z.object({ tries: z.int() }),
})

export const UNDECLARED = defineError('UNDECLARED', { code: 'CONFLICT', message: 'Nobody knows.' })

const Anything = z.object({}).loose()

const probe = {
  echo: query({
    summary: 'Gives back what it got.',
    input: z.strictObject({ text: z.string().optional(), big: z.bigint().optional() }),
    output: z.object({ text: z.string().optional(), big: z.bigint().optional() }),
    policy: { allow: 'public' },
    run: async ({ input }) => input,
  }),

  loose: mutation({
    summary: 'Takes any object, of up to 5,000 bytes.',
    input: Anything,
    output: z.object({ keys: z.array(z.string()) }),
    policy: { allow: 'public', maxBodyBytes: 5_000 },
    run: async ({ input }) => ({ keys: Object.keys(input) }),
  }),

  guarded: mutation({
    summary: 'For callers who are somebody.',
    input: z.strictObject({ text: z.string() }),
    output: z.object({ userId: z.string() }),
    policy: { allow: 'user' },
    run: async ({ ctx }) => ({ userId: ctx.principal.userId }),
  }),

  forAdmins: query({
    summary: 'For callers with a role.',
    output: z.literal(true),
    policy: { allow: { role: 'admin' } },
    run: async () => true as const,
  }),

  hasty: query({
    summary: 'Has little time.',
    output: z.literal(true),
    policy: { allow: 'user', timeoutMs: 100 },
    run: async () => true as const,
  }),

  stripped: query({
    summary: 'Returns more than it declares.',
    output: z.object({ shown: z.string() }),
    policy: { allow: 'public' },
    run: async () => ({ shown: 'yes', hidden: 'secret' }),
  }),

  small: mutation({
    summary: 'Takes little.',
    input: Anything,
    output: z.int(),
    policy: { allow: 'public', maxBodyBytes: 1_000 },
    run: async ({ input }) => Object.keys(input).length,
  }),

  large: mutation({
    summary: 'Takes much, from somebody.',
    input: Anything,
    output: z.int(),
    policy: { allow: 'user', maxBodyBytes: 4_000_000 },
    run: async ({ input }) => Object.keys(input).length,
  }),

  unspeakable: mutation({
    summary: 'Notes that it ran, and answers what the wire cannot carry.',
    input: z.strictObject({ key: z.string() }),
    output: z.record(z.string(), z.int()),
    policy: { allow: 'public' },
    run: async ({ input }) => ({ [input.key]: 1 }),
  }),

  wrongOutput: query({
    summary: 'Returns what its schema refuses.',
    output: z.object({ count: z.int() }),
    policy: { allow: 'public' },
    run: async () => ({ count: 0.5 }),
  }),

  fail: mutation({
    summary: 'Fails as told.',
    input: z.strictObject({ how: z.enum(['declared', 'undeclared', 'ill-formed', 'bug', 'sql']) }),
    output: z.void(),
    errors: [NO_LUCK],
    policy: { allow: 'public' },
    async run({ ctx, input: { how } }) {
      if (how === 'declared') {
        const data = { tries: 3, internal: 'secret' }
        throw new Failure(NO_LUCK, { data, retryAfterMs: 40 })
      }
      // oxlint-disable-next-line typescript/consistent-type-assertions -- the types would refuse it
      if (how === 'ill-formed') throw new Failure(NO_LUCK, { data: { tries: 'many' as never } })
      if (how === 'undeclared') throw new Failure(UNDECLARED)
      if (how === 'sql') await sql`select 1 from secret_table`.execute(ctx.db)
      throw new Error('password=hunter2')
    },
  }),

  count: subscription({
    summary: 'Counts.',
    input: z.strictObject({ to: z.int() }),
    output: z.object({ n: z.int() }),
    policy: { allow: 'public' },
    async *run({ input }) {
      for (let n = 1; n <= input.to; n++) yield { n, hidden: 'secret' }
      if (input.to === 1) await new Promise<never>(() => {}) // waits for the caller to leave
    },
  }),
}

/** A backend with one procedure for everything that the kernel promises. */
export const probeApp = defineApp({
  name: 'probe',
  version: '1.2.3',
  features: { probe: { router: probe } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import type { CallContext } from '../resources.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { mutation, query } from './define.ts'

let runs = 0

const Named = z.strictObject({ name: z.string() })

/** A value of the caller's that counts how often it was made. */
function readCount({ cache, principal }: CallContext, name: string, scope: 'caller' | 'tenant') {
  const value = { name: `count ${scope}`, input: { name }, scope, tags: [name], ttlMs: 60_000 }
  return cache.read(value, async () => ({
    run: BigInt(++runs), // more than JSON carries
    by: principal?.userId ?? null,
  }))
}

const Count = z.object({ run: z.bigint(), by: z.string().nullable() })
const policy = { allow: 'user' } as const

const count = {
  mine: query({
    summary: 'A value of the caller.',
    input: Named,
    output: Count,
    policy,
    run: ({ ctx, input }) => readCount(ctx, input.name, 'caller'),
  }),
  ours: query({
    summary: 'A value of the tenant.',
    input: Named,
    output: Count,
    policy,
    run: ({ ctx, input }) => readCount(ctx, input.name, 'tenant'),
  }),
  inMutation: mutation({
    summary: 'The value, in a mutation.',
    input: Named,
    output: Count,
    policy,
    run: ({ ctx, input }) => readCount(ctx, input.name, 'caller'),
  }),
  outside: mutation({
    summary: 'Makes it invalid outside any transaction, and after one.',
    input: Named,
    output: z.void(),
    policy: { ...policy, transaction: 'none' },
    async run({ ctx, input }) {
      await ctx.transaction((db) => sql`select 1`.execute(db))
      await ctx.cache.invalidate([input.name])
    },
  }),
  undone: mutation({
    summary: 'Makes it invalid in a transaction that goes on after a savepoint was undone.',
    input: Named,
    output: z.void(),
    policy,
    async run({ ctx, input }) {
      const undone = ctx.transaction(async () => {
        await ctx.cache.invalidate([input.name])
        throw new Error('undone')
      })
      await undone.catch(() => {})
    },
  }),
  purge: mutation({
    summary: 'Makes everything invalid.',
    output: z.void(),
    policy,
    run: ({ ctx }) => ctx.cache.purge(),
  }),
}

const app = defineApp({
  name: 'counts',
  version: '1.0.0',
  features: { count: { router: count } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
  // Until it hears the other processes, it keeps nothing that has tags.
  const isKept = async () => {
    const { run } = await as('nobody').mine.query({ name: 'first' })
    return (await as('nobody').mine.query({ name: 'first' })).run === run
  }
  await vi.waitUntil(isKept, { timeout: 10_000 })
})
afterAll(() => server[Symbol.asyncDispose]())

const as = (userId: string, tenantId = 'acme') => server.clientAs({ userId, tenantId }).count

test('a value is kept for whom its scope says', async () => {
  const name = 'scopes'
  const [mine, hers] = [
    await as('anna').mine.query({ name }),
    await as('berta').mine.query({ name }),
  ]
  expect([mine.by, hers.by]).toEqual(['anna', 'berta'])
  expect(await as('anna').mine.query({ name })).toEqual(mine)
  const ours = await as('anna').ours.query({ name })
  expect(await as('berta').ours.query({ name })).toEqual(ours)
  expect(await as('berta', 'other').ours.query({ name })).not.toEqual(ours)
  expect(await as('anna').mine.query({ name: 'other' })).not.toEqual(mine)
})

test('a mutation reads what is there, and keeps nothing', async () => {
  const name = 'mutation'
  const kept = await as('anna').mine.query({ name })
  const made = await as('anna').inMutation.mutate({ name })
  expect(made.run).toBeGreaterThan(kept.run)
  expect(await as('anna').mine.query({ name })).toEqual(kept)
})

test.each(['outside', 'undone'] as const)(
  'a tag is invalid after the mutation `%s`',
  async (verb) => {
    const name = `tag ${verb}`
    const kept = await as('anna').mine.query({ name })
    const other = await as('anna').mine.query({ name: 'apart' })
    await as('anna')[verb].mutate({ name })
    expect((await as('anna').mine.query({ name })).run).toBeGreaterThan(kept.run)
    expect(await as('anna').mine.query({ name: 'apart' })).toEqual(other)
  },
)

test('everything is invalid after a purge', async () => {
  const names = ['one', 'two']
  const readAll = () => Promise.all(names.map((name) => as('anna').mine.query({ name })))
  const kept = await readAll()
  expect(await readAll()).toEqual(kept)
  await as('anna').purge.mutate()
  const after = await readAll()
  after.forEach(({ run }, index) => expect(run).toBeGreaterThan(kept[index]?.run ?? 0n))
})

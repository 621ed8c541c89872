import { setTimeout as delay } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { safe } from '@tautline/client'

import { defineApp } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { mutation, query, subscription } from './define.ts'
import { raw } from './raw-call.fixture.ts'

/** One object for the life of the process, as a handler may hand out. */
const tally = { answers: 0 }

/** Whether the handler that outlives its call has ended. */
let lingered = false

const transactionOf = async (db: Db) => {
  const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(db)
  return rows[0]?.id ?? ''
}

const ends = {
  nested: mutation({
    summary: 'Opens a transaction within a transaction.',
    output: z.object({ outer: z.string(), inner: z.string() }),
    policy: { allow: 'public', transaction: 'none' },
    run: ({ ctx }) =>
      ctx.transaction(async (db) => ({
        outer: await transactionOf(db),
        inner: await ctx.transaction(transactionOf),
      })),
  }),

  count: query({
    summary: 'Answers with an object that it changes.',
    output: z.unknown(),
    policy: { allow: 'public' },
    async run() {
      tally.answers++
      return tally
    },
  }),

  doze: query({
    summary: 'Takes its time in the database.',
    output: z.literal(true),
    policy: { allow: 'public' },
    async run({ ctx }) {
      await sql`select pg_sleep(10)`.execute(ctx.db)
      return true as const
    },
  }),

  shout: mutation({
    summary: 'Commits by itself, if anything, and answers more than an answer may be.',
    input: z.strictObject({ commits: z.boolean() }),
    output: z.string(),
    policy: { allow: 'public', transaction: 'none' },
    async run({ ctx, input }) {
      if (input.commits) await ctx.transaction(transactionOf)
      return 'x'.repeat(5_000_001)
    },
  }),

  stream: subscription({
    summary: 'Sends one event, and one that is larger than an answer may be.',
    output: z.string(),
    policy: { allow: 'public' },
    async *run() {
      yield 'small'
      yield 'x'.repeat(5_000_001)
    },
  }),

  linger: mutation({
    summary: 'Makes something invalid long after its time is up.',
    output: z.void(),
    policy: { allow: 'public', timeoutMs: 50 },
    async run({ ctx }) {
      await delay(250) // deaf to the signal
      await ctx.cache.invalidate(['lingering'])
      lingered = true
    },
  }),

  look: query({
    summary: 'Is kept for a while.',
    output: z.int(),
    policy: {
      allow: 'public',
      cache: { ttlMs: 60_000, scope: 'public', tags: () => ['lingering'] },
    },
    run: async () => ++tally.answers,
  }),
}

const app = defineApp({
  name: 'ends',
  version: '1',
  features: { ends: { router: ends } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

test('a transaction within a transaction is a savepoint of it', async () => {
  const { outer, inner } = await server.client().ends.nested.mutate()
  expect(inner).toBe(outer)
})

test('an object that is answered again is answered as it is now', async () => {
  const first = await server.client().ends.count.query()
  const second = await server.client().ends.count.query()
  expect(second).not.toEqual(first)
})

test('an answer over 5 MB is refused where nothing was changed, and else nobody knows', async () => {
  const { ends: calls } = server.client()
  const [, refused] = await safe(calls.shout.mutate({ commits: false }))
  expect(refused).toMatchObject({ reason: 'RESPONSE_TOO_LARGE' })
  const [, unknown] = await safe(calls.shout.mutate({ commits: true }))
  expect(unknown).toMatchObject({ reason: 'COMMIT_UNKNOWN' })
})

test('an event over 5 MB ends its subscription', async () => {
  const { text } = await raw(`${server.url}/rpc/ends.stream`, {
    headers: { accept: 'text/event-stream' },
  })
  expect(text).toContain('small')
  expect(text.length).toBeLessThan(10_000)
  expect(text).toContain('RESPONSE_TOO_LARGE')
})

test('a call that never has a connection in its batch has its line in the log', async () => {
  const paths = Array.from({ length: 10 }, () => 'ends.doze').join(',')
  await fetch(`${server.url}/rpc/${paths}?batch=1`, { headers: { 'x-deadline-ms': '200' } })
  const lines = () =>
    server.logs.filter(({ procedure, outcome }) => procedure === 'ends.doze' && outcome)
  await expect.poll(() => lines().length).toBe(10)
  expect(new Set(lines().map(({ outcome }) => outcome))).toEqual(new Set(['DEADLINE_EXCEEDED']))
})

test('a handler that outlives its call leaves the cache alone', async () => {
  const client = server.client()
  const [, error] = await safe(client.ends.linger.mutate())
  expect(error?.reason).toBe('DEADLINE_EXCEEDED')
  await expect.poll(() => lingered).toBe(true)
  const seen = new Set<number>()
  await expect
    .poll(async () => {
      seen.clear()
      for (let n = 0; n < 5; n++) seen.add(await client.ends.look.query())
      return seen.size
    })
    .toBe(1)
})

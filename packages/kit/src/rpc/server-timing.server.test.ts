import { setTimeout as delay } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { query } from './define.ts'
import { raw } from './raw-call.fixture.ts'

const SLEEP_MS = 60

const sleepy = {
  inDatabase: query({
    summary: 'Sleeps in Postgres.',
    output: z.literal(true),
    policy: { allow: 'public' },
    async run({ ctx }) {
      await sql`select pg_sleep(${SLEEP_MS / 1000})`.execute(ctx.db)
      return true as const
    },
  }),
  inHandler: query({
    summary: 'Sleeps in its handler.',
    output: z.literal(true),
    policy: { allow: 'public' },
    async run() {
      await delay(SLEEP_MS)
      return true as const
    },
  }),
}

const app = defineApp({
  name: 'sleepy',
  version: '1.2.3',
  features: { sleepy: { router: sleepy } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

/** The parts of a `Server-Timing` header, in milliseconds. */
async function timingOf(paths: string, headers: Record<string, string> = {}) {
  const answer = await raw(`${server.url}/rpc/${paths}?batch=1&input={}`, { headers })
  const parts = (answer.headers.get('server-timing') ?? '').matchAll(/(\w+);dur=(\d+)/g)
  return Object.fromEntries([...parts].map(([, name, ms]) => [name, Number(ms)]))
}

/** A timer may be early by a millisecond, and the header is rounded. */
const AT_LEAST = SLEEP_MS - 2

test('an answer says how long its call was in the database', async () => {
  const { queue, db, handler, total } = await timingOf('sleepy.inDatabase')
  expect(db).toBeGreaterThanOrEqual(AT_LEAST)
  expect(total).toBeGreaterThanOrEqual(db ?? NaN)
  for (const part of [queue, handler]) expect(part).toBeLessThan(db ?? NaN)
})

test('an answer says how long its call was in its handler', async () => {
  const { db, handler } = await timingOf('sleepy.inHandler')
  expect(handler).toBeGreaterThanOrEqual(AT_LEAST)
  expect(db).toBe(0)
})

test('the answer to a batch sums its calls, which run side by side', async () => {
  const { db, handler } = await timingOf('sleepy.inHandler,sleepy.inDatabase,sleepy.inDatabase')
  expect(db).toBeGreaterThanOrEqual(2 * AT_LEAST)
  expect(handler).toBeGreaterThanOrEqual(AT_LEAST)
})

test('the wait for a connection is told apart from the database', async () => {
  await using busy = await startTestServer(app, {
    config: {
      database: { ...databaseOf(server), poolSize: 1 },
    },
  })
  const paths = 'sleepy.inDatabase,sleepy.inDatabase,sleepy.inDatabase'
  const answer = await raw(`${busy.url}/rpc/${paths}?batch=1&input={}`)
  const [, queue] = /queue;dur=(\d+)/.exec(answer.headers.get('server-timing') ?? '') ?? []
  expect(Number(queue)).toBeGreaterThanOrEqual(3 * AT_LEAST) // the second waits once, the third twice
})

test('a stream, whose headers leave first, says nothing', async () => {
  expect(await timingOf('sleepy.inHandler', { 'trpc-accept': 'application/jsonl' })).toEqual({})
})

/** The same database, for a server with another pool. */
function databaseOf({ databaseUrl }: { databaseUrl: string }) {
  return {
    url: databaseUrl,
    directUrl: undefined,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
  }
}

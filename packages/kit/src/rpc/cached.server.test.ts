import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { createTestClock } from '../policies/cache/cache.fixture.ts'
import { connectRedis } from '../policies/cache/redis.fixture.ts'
import { startTestServer, type TestCaller, type TestServer } from '../testing/index.ts'
import { authorizationOf } from '../testing/test-identity.ts'
import { hasRedisServer, startTestRedis } from '../testing/test-redis.ts'
import { createCachedApp, heard, PATIENT, prepareNotes } from './cached-app.fixture.ts'
import { mutation, query } from './define.ts'
import { errorOf, raw } from './raw-call.fixture.ts'

const { app, runsOf } = createCachedApp()
const clock = createTestClock()
const hasRedis = await hasRedisServer()

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app, { clock })
  await prepareNotes(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const anna = { userId: 'anna' }
let notes = 0

/** A note that nobody has read. */
async function newNote(text = 'first'): Promise<string> {
  const id = `note-${++notes}`
  await server.clientAs(anna).note.write.mutate({ id, text })
  await heard(server)
  return id
}

interface Asked extends RequestInit {
  readonly as?: TestCaller
  readonly of?: TestServer<typeof app>
}

/** Asks by `fetch` alone. `state` is what `Server-Timing` says of the cache. */
async function ask(path: string, input?: unknown, { as, of = server, ...init }: Asked = {}) {
  const headers = new Headers(init.headers)
  if (as) headers.set('authorization', authorizationOf({ roles: [], scopes: [], ...as }))
  const query =
    input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify({ json: input }))}`
  const answer = await raw(`${of.url}/rpc/${path}${query}`, { ...init, headers })
  const [, state] =
    /cache;dur=\d+;desc="([a-z ]+)"/.exec(answer.headers.get('server-timing') ?? '') ?? []
  return { ...answer, state }
}

const counted = (name: string) => server.app.metrics.snapshot().counters[name] ?? 0

describe('a kept answer', () => {
  test('is made in the time that its procedure declares', async () => {
    const { text } = await ask('note.leisurely')
    const told = z.object({ result: z.object({ data: z.object({ json: z.number() }) }) })
    const leftMs = told.parse(JSON.parse(text)).result.data.json
    expect(leftMs).toBeGreaterThan(30_000)
    expect(leftMs).toBeLessThanOrEqual(60_000)
  })

  test('is told by the header, the log and the metrics to be a miss or a hit', async () => {
    const id = await newNote()
    const before = [counted('cache_misses_total'), counted('cache_hits_total')]
    const answers = [
      await ask('note.get', { id }, { as: anna }),
      await ask('note.get', { id }, { as: anna }),
    ]
    expect(answers.map(({ state }) => state)).toEqual(['miss', 'hit'])
    expect(answers[1]?.text).toBe(answers[0]?.text)
    const lines = answers.map(({ headers }) =>
      server.logs.find(
        (line) => line.requestId === headers.get('x-request-id') && 'outcome' in line,
      ),
    )
    expect(lines).toMatchObject([
      { cache: 'miss', userId: 'anna', database: { queries: 1 } },
      { cache: 'hit', userId: 'anna', database: { queries: 0 } },
    ])
    const after = [counted('cache_misses_total'), counted('cache_hits_total')]
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1])
    expect(runsOf(`get ${id}`)).toBe(1)
  })

  test('is served stale when only its time is over, while one new answer is made', async () => {
    const id = await newNote()
    expect((await ask('note.stale', { id })).state).toBe('miss')
    await server.clientAs(anna).note.write.mutate({ id, text: 'second' })
    expect((await ask('note.stale', { id })).text).toContain('first')
    clock.advance(2_000)
    const stale = await ask('note.stale', { id })
    expect([stale.state, stale.text.includes('first')]).toEqual(['stale', true])
    await expect
      .poll(async () => (await ask('note.stale', { id })).text, PATIENT)
      .toContain('second')
    expect(runsOf(`stale ${id}`)).toBe(2)
  })

  test('is made once for callers who come together', async () => {
    const input = { id: await newNote(), seconds: 0.5 }
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('note.slow', input)))
    const states = Object.groupBy(answers, ({ state = 'none' }) => state)
    expect([states.miss?.length, states.coalesced?.length]).toEqual([1, 19])
    expect(runsOf(`slow ${input.id}`)).toBe(1)
  })

  test('is the answer of each call of a batch, and the header names each way it came', async () => {
    const id = await newNote()
    await ask('note.get', { id }, { as: anna })
    const inputs = encodeURIComponent(
      JSON.stringify({ 0: { json: { id } }, 1: { json: { id: await newNote() } } }),
    )
    const headers = { authorization: authorizationOf({ roles: [], scopes: [], ...anna }) }
    const answer = await raw(`${server.url}/rpc/note.get,note.get?batch=1&input=${inputs}`, {
      headers,
    })
    expect(answer.headers.get('server-timing')).toMatch(/desc="(hit miss|miss hit)"/)
  })

  test('is no error, nor what the schema refuses', async () => {
    for (const _ of [1, 2]) {
      expect(errorOf(await ask('note.get', { id: 'none' }, { as: anna })).reason).toBe('NO_NOTE')
      expect(errorOf(await ask('note.wrong', { id: 'one' })).reason).toBe('INTERNAL')
    }
    expect([runsOf('get none'), runsOf('wrong one')]).toEqual([2, 2])
    const id = 'none' // is there as soon as it is written
    await server.clientAs(anna).note.write.mutate({ id, text: 'now' })
    expect((await ask('note.get', { id }, { as: anna })).text).toContain('now')
  })

  test.skipIf(!hasRedis)('holds nothing that the output does not declare', async () => {
    await using redis = await startTestRedis()
    await using shared = await startTestServer(app, {
      config: { redis: { url: redis.url, keyPrefix: 'test:' } },
    })
    await prepareNotes(shared)
    await shared.clientAs(anna).note.write.mutate({ id: 'one', text: 'declared' })
    await ask('note.get', { id: 'one' }, { as: anna, of: shared })
    const hit = await ask('note.get', { id: 'one' }, { as: anna, of: shared })
    expect([hit.state, hit.text.includes('never declared')]).toEqual(['hit', false])
    await using looker = await connectRedis(redis.url, () => undefined)
    const kept = await looker.redis.run(async (client) => {
      const keys = (await client.keys('test:cache:entry:*')).map((key) => key.slice('test:'.length))
      return Promise.all(keys.map((key) => client.get(key)))
    })
    expect(kept.join()).toContain('declared')
    expect(kept.join()).not.toContain('never declared')
  })
})

describe('a kept answer is shared', () => {
  const personal = {
    as: { ...anna, sessionId: 's' },
    headers: { cookie: '__Host-tautline-mine=1' },
  }
  const inAcme = (userId: string, more: object = {}) => ({
    as: { userId, tenantId: 'acme', ...more },
  })

  test('by everybody with scope public, whose handler knows nobody', async () => {
    const first = await ask('who.public', undefined, personal)
    expect(first.text).toContain('{"userId":null,"knows":[]}')
    expect((await ask('who.public')).state).toBe('hit')
  })

  test('by one caller with scope caller, until their role or scope changes', async () => {
    const first = await ask('who.caller', undefined, personal)
    expect(first.text).toContain('{"userId":"anna","knows":[]}')
    const states = []
    for (const as of [
      anna,
      { ...anna, roles: ['admin'] },
      { ...anna, scopes: ['items:import'] },
      { ...anna, tenantId: 'acme' },
      { ...anna, issuer: 'https://idp.example.com' },
      { ...anna, roles: ['admin'] },
    ]) {
      states.push((await ask('who.caller', undefined, { as })).state)
    }
    expect(states).toEqual(['hit', 'miss', 'miss', 'miss', 'miss', 'hit'])
  })

  test('never with another caller', async () => {
    const id = await newNote('Anna’s')
    expect((await ask('note.get', { id }, { as: anna })).state).toBe('miss')
    for (const userId of ['berta', 'Anna', 'anna ']) {
      const answer = await ask('who.caller', undefined, { as: { userId } })
      expect([answer.state, answer.text.includes(`"${userId}"`)]).toEqual(['miss', true])
      expect((await ask('note.get', { id }, { as: { userId } })).state).toBe('miss')
    }
    expect((await ask('who.caller')).text).toContain('"userId":null')
  })

  test('by one tenant with scope tenant, whose handler knows none of them', async () => {
    const first = await ask('who.tenant', undefined, inAcme('anna'))
    expect(first.text).toContain('{"userId":"","knows":[]}')
    expect((await ask('who.tenant', undefined, inAcme('berta'))).state).toBe('hit')
    expect((await ask('who.tenant', undefined, inAcme('berta', { roles: ['admin'] }))).state).toBe(
      'miss',
    )
    const alone = await ask('who.tenant', undefined, { as: { userId: 'berta' } })
    expect([alone.state, alone.text.includes('"berta"')]).toEqual(['miss', true])
  })

  test('by one tenant with cursors that all of it can use', async () => {
    const [one, other] = [inAcme('anna').as, inAcme('berta').as]
    await server.clientAs(one).who.pages.query({})
    const { cursor } = await server.clientAs(other).who.pages.query({})
    expect(await server.clientAs(other).who.pages.query({ cursor })).toMatchObject({ opened: true })
    const stranger = server.clientAs({ userId: 'berta', tenantId: 'other' })
    await expect(stranger.who.pages.query({ cursor })).rejects.toMatchObject({
      reason: 'BAD_INPUT',
    })
  })
})

describe('a fill', () => {
  /** How many statements sleep now. */
  async function sleeping(): Promise<number> {
    const { rows } = await sql`
      select 1 from pg_stat_activity
      where state = 'active' and datname = current_database()
        and query like '%pg_sleep%' and pid <> pg_backend_pid()`.execute(server.app.resources.db)
    return rows.length
  }

  test('goes on for the others when the caller leaves who came first', async () => {
    const input = { id: await newNote(), seconds: 1 }
    const leaving = new AbortController()
    const first = ask('note.slow', input, { signal: leaving.signal }).catch(() => 'left')
    await expect.poll(sleeping, PATIENT).toBe(1)
    const second = ask('note.slow', input)
    leaving.abort()
    expect(await first).toBe('left')
    expect(await second).toMatchObject({ status: 200 })
    expect(runsOf(`slow ${input.id}`)).toBe(1)
  })

  test('is cancelled in Postgres when all have left', async () => {
    const input = { id: await newNote(), seconds: 30 }
    const leaving = new AbortController()
    const calls = [1, 2, 3].map(() => ask('note.slow', input, { signal: leaving.signal }))
    const left = Promise.allSettled(calls)
    await expect.poll(sleeping, PATIENT).toBe(1)
    leaving.abort()
    await left
    await expect.poll(sleeping, PATIENT).toBe(0)
  })

  test('has a deadline of its own, and not that of the caller who came first', async () => {
    const input = { id: await newNote(), seconds: 1 }
    const hasty = ask('note.slow', input, { headers: { 'x-deadline-ms': '150' } })
    await expect.poll(sleeping, PATIENT).toBe(1)
    const patient = ask('note.slow', input)
    expect(errorOf(await hasty).reason).toBe('DEADLINE_EXCEEDED')
    expect((await patient).status).toBe(200)
    expect(runsOf(`slow ${input.id}`)).toBe(1)
  })
})

test('a backend that declares what cannot be kept does not start', () => {
  const base = { summary: 'Is declared.', output: z.void(), run: async () => {} }
  const cache = { ttlMs: 1_000, scope: 'caller' } as const
  const start = () =>
    defineApp({
      name: 'contradictory',
      version: '1.0.0',
      features: {
        some: {
          router: {
            // @ts-expect-error -- the types say so too
            kept: mutation({ ...base, policy: { allow: 'user', cache } }),
            // @ts-expect-error -- the types say so too
            asked: query({ ...base, policy: { allow: 'user', invalidates: () => [] } }),
            never: query({ ...base, policy: { allow: 'user', cache: { ...cache, ttlMs: 0 } } }),
            early: query({ ...base, policy: { allow: 'user', cache: { ...cache, staleMs: -1 } } }),
            apart: mutation({
              ...base,
              policy: { allow: 'user', transaction: 'none', invalidates: () => [] },
            }),
          },
        },
      },
      identity: () => null,
      migrations: new URL('./no-migrations.fixture/', import.meta.url),
    })
  expect(start).toThrow(
    [
      '  - some.kept: policy.cache is for queries',
      '  - some.asked: policy.invalidates is for mutations',
      '  - some.never: policy.cache.ttlMs must be a positive whole number',
      '  - some.early: policy.cache.staleMs must be a whole number',
      '  - some.apart: policy.invalidates goes with the transaction of the handler',
    ].join('\n'),
  )
})

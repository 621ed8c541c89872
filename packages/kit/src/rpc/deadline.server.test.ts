import { once } from 'node:events'

import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { startUpstream } from '../policies/outgoing/upstream.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { deadlineApp } from './deadline-app.fixture.ts'
import { errorOf, raw } from './raw-call.fixture.ts'

let upstream: Awaited<ReturnType<typeof startUpstream>>
let server: TestServer<typeof deadlineApp>
let own: Client
beforeAll(async () => {
  upstream = await startUpstream(() => {}) // never answers
  server = await startTestServer(deadlineApp, { config: { outgoing: { allow: [upstream.host] } } })
  own = new Client({ connectionString: server.databaseUrl })
  await own.connect()
})
afterAll(async () => {
  await own.end()
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const call = (path: string, deadlineMs?: string, signal?: AbortSignal) =>
  raw(`${server.url}/rpc/${path}`, {
    headers: deadlineMs === undefined ? {} : { 'x-deadline-ms': deadlineMs },
    ...(signal && { signal }),
  })

/** A mutation, which writes a row before it sleeps. */
const step = (deadlineMs: string) =>
  raw(`${server.url}/rpc/patience.stepAndNap`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-deadline-ms': deadlineMs },
    body: '{"json":{"name":"late"}}',
  })

/** Sessions of the server's database that sleep in a query. */
async function naps(): Promise<number> {
  const { rowCount } = await own.query(
    `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
       and state = 'active' and query like '%pg_sleep%'`,
  )
  return rowCount ?? 0
}

const gauges = () => server.app.metrics.snapshot().gauges

/** Connections of the pool that are in use; a pooler may serve fewer of them at a time. */
function held(): number {
  const { db_pool_connections = 0, db_pool_idle = 0 } = gauges()
  return db_pool_connections - db_pool_idle
}

const Remaining = z.object({ result: z.object({ data: z.object({ json: z.number() }) }) })
const remainingOf = (text: string) => Remaining.parse(JSON.parse(text)).result.data.json

describe('the deadline of a caller', () => {
  test('ends a query, in the database too', async () => {
    const answer = await call('patience.nap', '200')
    expect([answer.status, errorOf(answer).reason]).toEqual([504, 'DEADLINE_EXCEEDED'])
    await expect.poll(naps).toBe(0)
  })

  test('ends a mutation, of which nothing stays', async () => {
    const answer = await step('300')
    expect(errorOf(answer).reason).toBe('DEADLINE_EXCEEDED')
    await expect.poll(naps).toBe(0)
    expect((await own.query('select from step')).rowCount).toBe(0)
  })

  test('shortens the time of a procedure, and never lengthens it', async () => {
    const left = async (path: string, deadlineMs?: string) =>
      remainingOf((await call(path, deadlineMs)).text)
    expect(await left('patience.long')).toBeGreaterThan(30_000)
    expect(await left('patience.long', '5000')).toBeLessThanOrEqual(5_000)
    expect(await left('patience.short')).toBeLessThanOrEqual(2_000)
    expect(await left('patience.short', '50000')).toBeLessThanOrEqual(2_000)
  })

  test('is that of each call of a batch, also of those that wait for their turn', async () => {
    const all = await call(`${Array(8).fill('patience.nap').join()}?batch=1`, '300')
    expect(all.status).toBe(504)
    expect(all.text.match(/"reason":"DEADLINE_EXCEEDED"/g)).toHaveLength(8)
    await expect.poll(naps).toBe(0)
    const both = await call('patience.short,patience.long?batch=1', '5000')
    const [short = NaN, long = NaN] = z
      .array(Remaining)
      .parse(JSON.parse(both.text))
      .map(({ result }) => result.data.json)
    expect(short).toBeLessThanOrEqual(2_000)
    expect(long).toBeLessThanOrEqual(5_000)
    expect(long).toBeGreaterThan(2_000)
  })

  test('ends the wait for a connection', async () => {
    const leaving = new AbortController()
    const busy = Array.from({ length: 5 }, async () =>
      call('patience.nap', undefined, leaving.signal),
    )
    const left = Promise.allSettled(busy)
    await expect.poll(held).toBe(5) // all that the pool has
    const ends: string[] = []
    const waitFor = async (deadlineMs: string) => {
      const answer = await step(deadlineMs)
      ends.push(deadlineMs)
      expect(errorOf(answer).reason).toBe('DEADLINE_EXCEEDED')
    }
    const patient = waitFor('2000')
    await expect.poll(() => gauges().db_pool_waiting).toBe(1)
    await Promise.all([patient, waitFor('100')])
    expect(ends).toEqual(['100', '2000']) // each at its time, not as they came
    expect(held()).toBe(5)
    leaving.abort()
    await left
    await expect.poll(naps).toBe(0)
    await expect.poll(() => gauges().db_pool_waiting).toBe(0)
  })

  test('ends calls to other services, which see the caller leave', async () => {
    const input = encodeURIComponent(JSON.stringify({ json: { url: upstream.url } }))
    const answer = await call(`patience.fetch?input=${input}`, '300')
    expect([answer.status, errorOf(answer).reason]).toEqual([504, 'UPSTREAM_TIMEOUT'])
    const request = upstream.requests.at(-1)
    if (request && !request.socket.destroyed) await once(request.socket, 'close')
    expect(upstream.requests).toHaveLength(1)
  })

  test.each(['0', '-1', '1.5', '1e3', 'soon', '', '1234567890', '300, 300'])(
    'is refused as %j, before anything runs',
    async (deadlineMs) => {
      const answer = await call('patience.short', deadlineMs)
      expect(answer.status).toBe(400)
      expect(errorOf(answer)).toMatchObject({
        reason: 'BAD_INPUT',
        issues: [{ path: ['x-deadline-ms'], code: 'bad_deadline' }],
      })
    },
  )
})

test('a caller who leaves ends the query, in the database too', async () => {
  const leaving = new AbortController()
  const left = call('patience.nap', undefined, leaving.signal)
  await expect.poll(naps).toBe(1)
  leaving.abort()
  await expect(left).rejects.toThrow('aborted')
  await expect.poll(naps).toBe(0)
  await expect.poll(() => gauges().http_requests_in_flight).toBe(0)
})

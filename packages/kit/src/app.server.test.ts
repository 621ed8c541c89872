import { Agent, request, type IncomingMessage } from 'node:http'

import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { defineApp } from './app-definition.ts'
import { auth } from './features/auth/auth.ts'
import { slowApp } from './slow-app.fixture.ts'
import { startTestServer } from './testing/index.ts'

const getJson = async (url: string) => {
  const response = await fetch(url)
  const body: unknown = await response.json()
  return { status: response.status, body }
}

describe('a running backend', () => {
  test('says what it is, and that it is alive and ready', async () => {
    await using server = await startTestServer(slowApp)
    const welcome = await getJson(`${server.url}/`)
    expect(welcome).toMatchObject({
      status: 200,
      body: { name: 'slow', version: '1.2.3', procedures: '/rpc/<noun>.<verb>' },
    })
    expect(JSON.stringify(welcome)).not.toContain('file:') // nothing of the definition's inside
    expect(await getJson(`${server.url}/livez`)).toMatchObject({ status: 200 })
    expect(await getJson(`${server.url}/readyz`)).toEqual({
      status: 200,
      body: { status: 'ready', version: '1.2.3' },
    })
    expect((await getJson(`${server.url}/nothing`)).status).toBe(404)
    const written = await fetch(`${server.url}/readyz`, { method: 'POST' })
    expect([written.status, written.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('is not ready while a migration is pending, and ready once it has run', async () => {
    const app = defineApp({ ...slowApp, features: { auth: auth() } })
    await using server = await startTestServer(app)
    const { db } = server.app.resources
    await sql`delete from tautline.library_migration where name = 'auth_0001_user'`.execute(db)
    expect(await getJson(`${server.url}/readyz`)).toMatchObject({
      status: 503,
      body: { status: 'not ready', problems: ['migration library/auth_0001_user is pending'] },
    })
    await sql`insert into tautline.library_migration values ('auth_0001_user', 'now')`.execute(db)
    await expect
      .poll(async () => (await getJson(`${server.url}/readyz`)).status, { timeout: 5_000 })
      .toBe(200)
  })

  test('has its connections before its first call', async () => {
    await using server = await startTestServer(slowApp)
    const { db_pool_connections, db_pool_idle } = server.app.metrics.snapshot().gauges
    expect([db_pool_connections, db_pool_idle]).toEqual([5, 5])
  })

  test('refuses to start with more connections than Postgres serves', async () => {
    const starting = startTestServer(slowApp, { config: { processes: 200 } })
    await expect(starting).rejects.toThrow(/\(TAUTLINE_POOL_SIZE 5 \+ 2\) × TAUTLINE_PROCESSES 200/)
  })

  test('starts while the database is away, and says that it is not ready', async () => {
    const url = 'postgres://postgres@127.0.0.1:1/nothing'
    await using server = await startTestServer(slowApp, {
      config: {
        database: {
          url,
          directUrl: undefined,
          poolSize: 1,
          acquireTimeoutMs: 500,
          statementTimeoutMs: 1_000,
        },
      },
    })
    expect(await getJson(`${server.url}/readyz`)).toMatchObject({
      status: 503,
      body: { problems: ['the database does not answer'] },
    })
    expect((await getJson(`${server.url}/livez`)).status).toBe(200)
  })
})

describe('a stop', () => {
  test('lets the running calls finish', async () => {
    await using server = await startTestServer(slowApp)
    const call = server.client().bed.nap.query({ ms: 300 })
    await underWay(server, 1)
    const closing = server.app.close()
    await expect(call).resolves.toBe('rested')
    await closing
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow('fetch failed')
  })

  test('cuts off a call that does not end in time', async () => {
    await using server = await startTestServer(slowApp, { config: { drainTimeoutMs: 50 } })
    const call = server.client().bed.nap.query({ ms: 30_000 })
    const answer = safe(call)
    await underWay(server, 1)
    await server.app.close()
    expect((await answer)[1]?.reason).toBe('CONNECTION_LOST')
  })

  test('still answers on an idle connection, says that it closes, and is no longer ready', async () => {
    await using server = await startTestServer(slowApp)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const first = await get(`${server.url}/readyz`, agent)
    expect(first.headers.connection).toBe('keep-alive')
    const input = encodeURIComponent('{"json":{"ms":500}}') // keeps the stop waiting
    const call = get(`${server.url}/rpc/bed.nap?input=${input}`, new Agent({ keepAlive: true }))
    await underWay(server, 1)
    const closing = server.app.close()
    const ask = async () => {
      const { statusCode, headers } = await get(`${server.url}/readyz`, agent)
      return [statusCode, headers.connection]
    }
    await expect.poll(ask).toEqual([503, 'close']) // kept until nobody waits to be accepted
    expect((await call).headers.connection).toBe('close') // it was under way before
    await closing
  })
})

async function underWay(
  { app }: { app: { metrics: { snapshot(): { gauges: Record<string, number> } } } },
  count: number,
) {
  await expect.poll(() => app.metrics.snapshot().gauges.http_requests_in_flight).toBe(count)
}

/** `fetch` chooses its connections by itself; this one is told. */
function get(url: string, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response))
    })
      .on('error', reject)
      .end()
  })
}

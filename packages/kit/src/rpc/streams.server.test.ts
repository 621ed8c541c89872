import { connect } from 'node:net'

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { subscription } from './define.ts'
import { raw } from './raw-call.fixture.ts'
import { tracked } from './tracked.ts'

const wait = subscription({
  summary: 'Counts on from the event that is known, and may then wait for its end.',
  input: z.strictObject({
    to: z.int(),
    waits: z.boolean().default(false),
    lastEventId: z.string().max(9).optional(),
  }),
  output: z.object({ n: z.int() }),
  policy: { allow: 'user' },
  async *run({ ctx, input: { to, waits, lastEventId = '0' } }) {
    for (let n = Number(lastEventId) + 1; n <= to; n++) yield tracked(String(n), { n })
    if (!waits) return
    await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }))
  },
})

const app = defineApp({
  name: 'streams',
  version: '0.0.0',
  features: { line: { router: { wait } } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const input = (value: object) => `input=${encodeURIComponent(JSON.stringify({ json: value }))}`

/** Of one who reads until the server ends it, and whose token soon expires. */
function read(query: string, headers: Record<string, string> = {}) {
  const expiresAt = new Date(Date.now() + 100)
  const token = server.headersAs({ userId: crypto.randomUUID(), expiresAt })
  return raw(`${server.url}/rpc/line.wait?${query}`, { headers: { ...token, ...headers } })
}

test('a stream ends with the token of its reader, who is to resume, and has one good line in the log', async () => {
  const before = server.logs.length
  const { status, text } = await read(input({ to: 2, waits: true }))
  expect(status).toBe(200)
  expect(text).toMatch(
    /^event: connected\ndata: {.*}\n\ndata: {"json":{"n":1}}\nid: 1\n\ndata: {"json":{"n":2}}\nid: 2\n\nretry: \d+\n\n$/,
  )
  const lines = server.logs.slice(before).filter(({ procedure }) => procedure === 'line.wait')
  expect(lines).toMatchObject([{ kind: 'subscription', outcome: 'OK' }])
})

test('nobody compresses a stream, nor may anybody on its way', async () => {
  const { headers, text } = await read(input({ to: 2 }), { 'accept-encoding': 'gzip, br' })
  expect(headers.get('content-encoding')).toBeNull()
  expect(headers.get('cache-control')).toContain('no-transform')
  expect(text).toContain('id: 2')
})

test.each([
  ['a header', '', { 'last-event-id': '2' }],
  ['the query', '&lastEventId=2', {}],
  ['the query of older readers', '&Last-Event-Id=2', {}],
])('a stream resumes after the event that is named in %s', async (_, query, headers) => {
  const { text } = await read(input({ to: 3 }) + query, headers)
  expect(text.match(/^id: .*$/gm)).toEqual(['id: 3'])
})

test('a stream may be asked for by POST', async () => {
  const { text } = await raw(`${server.url}/rpc/line.wait`, {
    method: 'POST',
    headers: {
      ...server.headersAs({ userId: 'anna' }),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ json: { to: 1 } }),
  })
  expect(text).toContain('id: 1')
})

test('what is refused is told in the stream, as clients of tRPC read it', async () => {
  const refusals = [
    [await read('input={'), 'BAD_INPUT'],
    [await read(input({ to: 'x' })), 'BAD_INPUT'],
    [await read(input({ to: 1 }), { 'last-event-id': 'x'.repeat(10) }), 'BAD_INPUT'],
    [await read(input({ to: 1 }), { authorization: '' }), 'UNAUTHENTICATED'],
  ] as const
  for (const [{ status, text }, reason] of refusals) {
    expect(status).toBe(200)
    expect(text).toMatch(/event: serialized-error\ndata: /)
    expect(text).toContain(`"reason":"${reason}"`)
  }
  const long = await read(input({ to: 1 }), { 'last-event-id': 'x'.repeat(2_001) })
  expect(long.status).toBe(400)
})

test.each(['GET', 'POST'])('a stream is no part of a batch (%s)', async (method) => {
  const inputs = JSON.stringify({ 0: { json: { to: 1 } } })
  const url = `${server.url}/rpc/line.wait?batch=1`
  const headers = { ...server.headersAs({ userId: 'anna' }), 'content-type': 'application/json' }
  const { text } = await (method === 'GET'
    ? raw(`${url}&input=${encodeURIComponent(inputs)}`, { headers })
    : raw(url, { method, headers, body: inputs }))
  expect(text).toContain('"reason":"BAD_INPUT"')
  expect(text).not.toContain('"n":1')
})

test('a reader of HTTP/1.0 gets the same, to the end of the connection', async () => {
  const { hostname, port } = new URL(server.url)
  const [[name, token] = []] = Object.entries(server.headersAs({ userId: 'anna' }))
  const socket = connect(Number(port), hostname)
  const path = `/rpc/line.wait?${input({ to: 1 })}`
  socket.write(`GET ${path} HTTP/1.0\r\nHost: ${hostname}\r\n${name}: ${token}\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(text.slice(text.indexOf('\r\n\r\n'))).toMatch(
    /^\r\n\r\nevent: connected\ndata: {.*}\n\ndata: {"json":{"n":1}}\nid: 1\n\nevent: return\ndata: \n\n$/,
  )
})

test('a stop waits for no stream, and tells its readers when to come back', async () => {
  await using stopping = await startTestServer(app, { config: { drainTimeoutMs: 20_000 } })
  const streams = await Promise.all(
    ['anna', 'berta', 'carla'].map(async (userId) => {
      const url = `${stopping.url}/rpc/line.wait?${input({ to: 1, waits: true })}`
      return fetch(url, { headers: stopping.headersAs({ userId }) })
    }),
  )
  await stopping.app.close()
  for (const stream of streams) {
    const text = await stream.text()
    expect(text).toMatch(/retry: \d{1,4}\n\n$/)
    expect(text).not.toContain('event: return')
  }
  expect(stopping.logs.map(({ msg }) => msg)).not.toContain('requests were cut off by the stop')
})

import { afterAll, beforeAll, expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { httpConfig } from './http-config.fixture.ts'
import { rawAnswer } from './raw-socket.fixture.ts'
import { send, type SentAnswer } from './send.fixture.ts'

let server: TestServer<typeof probeApp>
beforeAll(async () => {
  server = await startTestServer(probeApp)
})
afterAll(() => server[Symbol.asyncDispose]())

/** On every answer, whatever it is. */
const ALWAYS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-request-id': '(id)',
  connection: 'close',
}

const JSON_BODY = { 'content-type': 'application/json', 'content-length': '(n)', date: '(date)' }

const CHANGING = { 'x-request-id': '(id)', 'content-length': '(n)', date: '(date)' }

/** All headers of an answer, those that differ from one to the next made the same. */
function headersOf({ headers }: Pick<SentAnswer, 'headers'>) {
  const changing = Object.entries(CHANGING).filter(([name]) => name in headers)
  return { ...headers, ...Object.fromEntries(changing) }
}

test('a result has these headers and no other', async () => {
  const { headers } = await send(`${server.url}/rpc/probe.stripped`)
  expect(headersOf({ headers })).toEqual({
    ...ALWAYS,
    'content-type': 'application/json',
    'transfer-encoding': 'chunked',
    date: '(date)',
    vary: 'trpc-accept, accept',
    'server-timing': expect.stringMatching(
      /^queue;dur=\d+, db;dur=\d+, cache;dur=\d+, handler;dur=\d+, total;dur=\d+$/,
    ),
  })
})

test('a stream has these headers and no other', async () => {
  const { headers } = await send(`${server.url}/rpc/probe.count?input={"json":{"to":2}}`)
  expect(headersOf({ headers })).toEqual({
    ...ALWAYS,
    'cache-control': 'no-store, no-transform',
    'content-type': 'text/event-stream',
    'transfer-encoding': 'chunked',
    date: '(date)',
    'x-accel-buffering': 'no',
  })
})

test('a refusal has these headers and no other', async () => {
  const { headers } = await send(`${server.url}/rpc/probe.loose`, { method: 'PUT' })
  expect(headersOf({ headers })).toEqual({ ...ALWAYS, ...JSON_BODY, allow: 'GET, POST' })
})

test('a page has these headers and no other', async () => {
  for (const path of ['/', '/readyz', '/nothing']) {
    expect(headersOf(await send(`${server.url}${path}`))).toEqual({ ...ALWAYS, ...JSON_BODY })
  }
})

test('an answer to what is no HTTP has these headers and no other', async () => {
  const [head = ''] = (await rawAnswer(server.url, 'Good day!\r\n\r\n')).split('\r\n\r\n')
  const lines = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(': '))
  expect(headersOf({ headers: Object.fromEntries(lines) })).toEqual({
    ...ALWAYS,
    'content-type': 'application/json',
    'content-length': '(n)',
  })
})

test('browsers are told to come by TLS only where that was asked for', async () => {
  const http = httpConfig({ hsts: true })
  await using secure = await startTestServer(probeApp, { config: { http } })
  const { headers } = await send(secure.url)
  expect(headers['strict-transport-security']).toBe('max-age=31536000')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { httpConfig } from './http-config.fixture.ts'
import { send, type SentAnswer } from './send.fixture.ts'

const APP = 'https://app.example.com'
const EXPOSED =
  'Accept-Ranges, Content-Disposition, Content-Range, ETag, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, X-Request-Id'

const corsHeaders = ({ headers }: SentAnswer) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

const preflight = (url: string, origin: string) =>
  send(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })

describe('a server that lists origins', () => {
  let server: TestServer<typeof probeApp>
  let call: string
  beforeAll(async () => {
    const http = httpConfig({ corsOrigins: [APP, 'capacitor://localhost'], corsCredentials: true })
    server = await startTestServer(probeApp, { config: { http } })
    call = `${server.url}/rpc/probe.stripped`
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('tells a browser what a page of theirs may send, for an hour', async () => {
    const answer = await preflight(call, APP)
    expect(answer).toMatchObject({
      status: 204,
      text: '',
      headers: {
        'access-control-allow-origin': APP,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers':
          'authorization, content-type, idempotency-key, if-match, if-none-match, if-range, last-event-id, range, traceparent, tracestate, trpc-accept, x-deadline-ms, x-request-id',
        'access-control-max-age': '3600',
        vary: 'origin',
      },
    })
  })

  test.each([
    ['a result', '/rpc/probe.stripped', 200],
    ['a refusal at the door', '/rpc/%E0%A4%A', 400],
    ['the failure of a call', '/rpc/probe.forAdmins', 401],
    ['a batch as a stream', '/rpc/probe.stripped,probe.stripped?batch=1&input={}', 200],
    ['a subscription', '/rpc/probe.count?input={"json":{"to":2}}', 200],
  ])('lets such a page read %s and the headers that matter', async (_, path, status) => {
    const accept = path.includes('batch') ? { 'trpc-accept': 'application/jsonl' } : {}
    const answer = await send(`${server.url}${path}`, { headers: { origin: APP, ...accept } })
    expect(answer.status).toBe(status)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-expose-headers': EXPOSED,
      'cross-origin-resource-policy': 'cross-origin',
    })
    expect(answer.headers.vary).toMatch(/\borigin\b/)
  })

  test('keeps what tRPC says of the variants of an answer', async () => {
    const answer = await send(call, { headers: { origin: APP } })
    expect(answer.headers.vary).toBe('trpc-accept, accept, origin')
  })

  test.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'http://app.example.com',
    'https://app.example.com:444',
    'null',
    '*',
  ])('tells a page of %s nothing', async (origin) => {
    const asked = await preflight(call, origin)
    expect([asked.status, corsHeaders(asked)]).toEqual([405, []])
    const answer = await send(call, { headers: { origin } })
    expect(corsHeaders(answer)).toEqual([])
    expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin')
    expect(answer.headers.vary).toContain('origin')
  })

  test('says that its answers vary also to callers without an origin', async () => {
    const answer = await send(call)
    expect([corsHeaders(answer), answer.headers.vary]).toEqual([[], 'trpc-accept, accept, origin'])
  })

  test('opens nothing but procedures', async () => {
    expect(corsHeaders(await send(`${server.url}/readyz`, { headers: { origin: APP } }))).toEqual(
      [],
    )
  })
})

test('a server for every origin says so to all of them, and never takes their cookies', async () => {
  const http = httpConfig({ corsOrigins: ['*'] })
  await using server = await startTestServer(probeApp, { config: { http } })
  const call = `${server.url}/rpc/probe.stripped`
  const answer = await send(call, { headers: { origin: 'https://anybody.example' } })
  expect(answer.headers['access-control-allow-origin']).toBe('*')
  expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
  expect(answer.headers.vary).toBe('trpc-accept, accept')
})

test('a server refuses to start for every origin with credentials', async () => {
  const http = httpConfig({ corsOrigins: ['*'], corsCredentials: true })
  const starting = startTestServer(probeApp, { config: { http } })
  await expect(starting).rejects.toThrow('CORS cannot allow every origin and credentials at once.')
})

test('a server without origins knows no preflight', async () => {
  await using server = await startTestServer(probeApp)
  const answer = await preflight(`${server.url}/rpc/probe.stripped`, APP)
  expect([answer.status, corsHeaders(answer), answer.headers.vary]).toEqual([405, [], undefined])
})

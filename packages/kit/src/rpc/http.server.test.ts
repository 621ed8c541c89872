import { connect } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '../testing/index.ts'
import { probeApp } from './probe-app.fixture.ts'
import { errorOf, post, raw } from './raw-call.fixture.ts'

let server: TestServer<typeof probeApp>
let rpc: string
beforeAll(async () => {
  server = await startTestServer(probeApp)
  rpc = `${server.url}/rpc`
})
afterAll(() => server[Symbol.asyncDispose]())

const json = (value: unknown) => JSON.stringify({ json: value })

describe('the door of the RPC endpoint', () => {
  test.each(['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])('refuses %s', async (method) => {
    const answer = await raw(`${rpc}/probe.echo`, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, POST')
  })

  test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/octet-stream', ''])(
    'refuses a body of type "%s"',
    async (type) => {
      const answer = await raw(`${rpc}/probe.loose`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: json({}),
      })
      expect(answer.status).toBe(415)
      expect(errorOf(answer).reason).toBe('UNSUPPORTED_MEDIA_TYPE')
    },
  )

  test('refuses a batch of more than twenty calls, also when most of its paths are empty', async () => {
    for (const paths of [
      Array(21).fill('probe.stripped').join(','),
      ','.repeat(100_000).slice(0, 9_000),
    ]) {
      const answer = await raw(`${rpc}/${paths}?batch=1`)
      expect(answer.status).toBe(400)
      expect(errorOf(answer).issues).toMatchObject([{ code: 'batch_too_large' }])
    }
  })

  test('refuses a body over its limit, whether the length is announced or not', async () => {
    const large = json({ text: 'x'.repeat(1_000_001) })
    const stream = new Blob([large]).stream()
    const announced = await post(`${rpc}/probe.echo`, large)
    const half: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stream,
      duplex: 'half', // how a body of unknown length is sent; the types do not know it
    }
    const streamed = await raw(`${rpc}/probe.echo`, half)
    for (const answer of [announced, streamed]) {
      expect(answer.status).toBe(413)
      expect(errorOf(answer).reason).toBe('PAYLOAD_TOO_LARGE')
    }
  })

  test('gives a procedure the body limit that it declares', async () => {
    const body = json({ text: 'x'.repeat(6_000) })
    expect((await post(`${rpc}/probe.loose`, body)).status).toBe(413)
    expect((await post(`${rpc}/probe.echo`, body)).status).toBe(200)
  })

  test('gives a batch the smallest of its limits, and none above the default', async () => {
    const body = (size: number) => JSON.stringify({ 0: { json: { text: 'x'.repeat(size) } } })
    const batch = (paths: string, size: number) => post(`${rpc}/${paths}?batch=1`, body(size))
    expect((await batch('probe.small,probe.large', 2_000)).status).toBe(413)
    expect((await batch('probe.small%2Cprobe.large', 2_000)).status).toBe(413)
    expect((await batch('probe.loose,probe.large', 2_000)).status).not.toBe(413)
    expect((await batch('probe.large,probe.large', 2_000_000)).status).toBe(413)
  })

  test('reads a large body only from who may send it', async () => {
    const head = `POST /rpc/probe.large HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n`
    expect(await rawSocket(server.url, head)).toMatch(/^HTTP\/1.1 401 /) // not one byte of it sent
    const anna = server.clientAs({ userId: 'anna' })
    expect(await anna.probe.large.mutate({ text: 'x'.repeat(3_000_000) })).toBe(1)
  })

  test.each([
    ['NUL', 'a\\u0000b'],
    ['half a surrogate pair', 'a\\ud800'],
  ])('refuses text with %s, which Postgres cannot hold', async (_, text) => {
    for (const body of [`{"json":{"text":"${text}"}}`, `{"json":{"${text}":1}}`]) {
      const answer = await post(`${rpc}/probe.echo`, body)
      expect(answer.status).toBe(400)
      expect(errorOf(answer).issues).toMatchObject([{ code: 'malformed' }])
    }
  })

  test('refuses bytes that are not UTF-8', async () => {
    const bytes = new Uint8Array([
      ...new TextEncoder().encode('{"json":{"text":"'),
      0xff,
      0x22,
      0x7d,
    ])
    const answer = await post(`${rpc}/probe.echo`, bytes)
    expect(answer.status).toBe(400)
    expect(errorOf(answer).issues).toMatchObject([{ code: 'not_utf8' }])
  })

  test.each([
    ['too deep', `{"json":${'['.repeat(40)}${']'.repeat(40)}}`, 'too_deep'],
    ['too many values', `{"json":[${'1,'.repeat(100_001)}1]}`, 'too_many_values'],
    ['not JSON', '{"json":', 'malformed'],
    ['not in an envelope', '[1]', 'malformed'],
  ])('refuses input that is %s', async (_, body, code) => {
    const answer = await post(`${rpc}/probe.echo`, body)
    expect(answer.status).toBe(400)
    expect(errorOf(answer).issues).toMatchObject([{ code }])
  })

  test('holds the input of a GET to the same shape', async () => {
    const deep = encodeURIComponent(`{"json":${'['.repeat(40)}${']'.repeat(40)}}`)
    const answer = await raw(`${rpc}/probe.echo?input=${deep}`)
    expect(errorOf(answer).issues).toMatchObject([{ code: 'too_deep' }])
  })

  test('answers a path that cannot be decoded, and a procedure that is not there', async () => {
    expect((await raw(`${rpc}/%E0%A4%A`)).status).toBe(400)
    const unknown = await raw(`${rpc}/probe.nothing`)
    expect(unknown.status).toBe(404)
    expect(errorOf(unknown).reason).toBe('NO_SUCH_PROCEDURE')
    expect((await raw(`${rpc}/__proto__.constructor`)).status).toBe(404)
  })

  test('answers a bad Host header without harm', async () => {
    const text = await rawSocket(
      server.url,
      'GET /rpc/probe.stripped HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
    )
    expect(text).toMatch(/^HTTP\/1.1 4\d\d /)
    expect((await raw(`${rpc}/probe.stripped`)).status).toBe(200)
  })

  test.each([
    ['which it does not announce', 'DELETE', ''],
    ['and more than it announces', 'POST', 'Content-Length: 2\r\n'],
    ['whose framing is broken', 'POST', 'Transfer-Encoding: chunked\r\n'],
  ])('answers a request that it refuses with a body %s', async (_, method, header) => {
    const head = `${method} /rpc/probe.echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n`
    const text = await rawSocket(server.url, `${head}${header}\r\n{"json":{}}`)
    expect(text).toMatch(/^HTTP\/1.1 4(05|15) /)
  })

  test('forgets a caller who goes away while sending', async () => {
    const head =
      'POST /rpc/probe.echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{'
    const { port } = new URL(server.url)
    const sockets = Array.from({ length: 50 }, () => connect(Number(port), '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => {}).write(head)
    const inFlight = () => server.app.metrics.snapshot().gauges.http_requests_in_flight
    await expect.poll(inFlight).toBe(50)
    for (const socket of sockets) socket.resetAndDestroy()
    await expect.poll(inFlight).toBe(0)
  })

  test('marks every answer as not to be stored and gives it the request id that it was asked with', async () => {
    const answer = await raw(`${rpc}/probe.stripped`, {
      headers: { 'x-request-id': 'my-request-1' },
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-request-id')).toBe('my-request-1')
    const forged = await raw(`${rpc}/probe.stripped`, { headers: { 'x-request-id': 'a"b' } })
    expect(forged.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
  })
})

describe('guarded superjson', () => {
  const call = (body: unknown) => post(`${rpc}/probe.echo`, JSON.stringify(body))

  test.each([
    ['a regular expression', { json: { text: '/a/' }, meta: { values: { text: ['regexp'] } } }],
    ['a map', { json: { text: [] }, meta: { values: { text: ['map'] } } }],
    ['an error', { json: { text: {} }, meta: { values: { text: ['Error'] } } }],
    ['a class instance', { json: { text: {} }, meta: { values: { text: [['class', 'X']] } } }],
    [
      'a bigint of 10,000 digits',
      { json: { big: '9'.repeat(10_000) }, meta: { values: { big: ['bigint'] } } },
    ],
    ['an annotation for nothing', { json: {}, meta: { values: { 'a.b.c': ['Date'] } } }],
    ['a path through a prototype', { json: {}, meta: { values: { '__proto__.x': ['Date'] } } }],
    [
      'a value that contains itself',
      { json: { text: {} }, meta: { referentialEqualities: { text: ['text.text'] } } },
    ],
    ['a root that contains itself', { json: {}, meta: { referentialEqualities: [['text']] } }],
  ])('refuses %s', async (_, body) => {
    const answer = await call(body)
    expect(answer.status).toBe(400)
    expect(errorOf(answer).reason).toBe('BAD_INPUT')
  })

  test('reads bigints', async () => {
    const answer = await call({
      json: { big: '12345678901234567890' },
      meta: { values: { big: ['bigint'] } },
    })
    expect(answer.text).toContain('"12345678901234567890"')
  })

  test('ignores reference annotations, which would turn 1 KB into 134 MB', async () => {
    const answer = await call({
      json: { text: 'x' },
      meta: { referentialEqualities: { text: Array.from({ length: 30 }, (_, n) => `a${n}`) } },
    })
    expect(answer.status).toBe(200)
    expect(answer.text.length).toBeLessThan(200)
  })
})

/** Writes to a socket and reads until it closes. */
function rawSocket(url: string, data: string): Promise<string> {
  const { port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
    socket.write(data)
  })
}

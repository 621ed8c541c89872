import { once } from 'node:events'
import { connect } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { rawAnswer } from './raw-socket.fixture.ts'

let server: TestServer<typeof probeApp>
beforeAll(async () => {
  server = await startTestServer(probeApp)
})
afterAll(() => server[Symbol.asyncDispose]())

const CLOSE = 'Host: a\r\nConnection: close\r\n'
const POST = `POST /rpc/probe.echo HTTP/1.1\r\nContent-Type: application/json\r\n${CLOSE}`
const BODY = '{"json":{}}'
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`
const get = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\n${headers}${CLOSE}\r\n`

/** What no honest client sends: it is refused, or the socket is closed without a word. */
const refused: [name: string, bytes: string | Buffer][] = [
  ['two lengths that differ', `${POST}Content-Length: 11\r\nContent-Length: 2\r\n\r\n${BODY}`],
  ['two lengths that agree', `${POST}Content-Length: 11\r\nContent-Length: 11\r\n\r\n${BODY}`],
  ['a list of lengths', `${POST}Content-Length: 11, 11\r\n\r\n${BODY}`],
  ['a length with a sign', `${POST}Content-Length: +11\r\n\r\n${BODY}`],
  ['a negative length', `${POST}Content-Length: -1\r\n\r\n${BODY}`],
  ['a length of 23 digits', `${POST}Content-Length: ${'9'.repeat(23)}\r\n\r\n${BODY}`],
  [
    'a length and chunks',
    `${POST}Content-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'chunks and a length',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 11\r\n\r\n0\r\n\r\n`,
  ],
  ['an encoding that is none', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['an encoding after chunks', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
  [
    'a compressed body',
    `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n\x1f\x8b\r\n0\r\n\r\n`,
  ],
  ['a folded header', get('/', 'X-A: b\r\n c: d\r\n')],
  ['lines that end in LF alone', 'GET / HTTP/1.1\nHost: a\nConnection: close\n\n'],
  ['one header that ends in LF alone', get('/', 'X-A: b\n')],
  ['one header that ends in CR alone', get('/', 'X-A: b\r')],
  ['headers of 20 KB', get('/', `X-A: ${'a'.repeat(20_000)}\r\n`)],
  ['5,000 headers', get('/', 'a:\r\n'.repeat(5_000))],
  ['300 headers', get('/rpc/probe.stripped', 'a:\r\n'.repeat(300))],
  ['a header with NUL', get('/', 'X-A: a\0b\r\n')],
  ['a chunk extension of 20 KB', `${CHUNKED}1;${'a'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`],
  ['chunk extensions of 20 KB in all', `${CHUNKED}${'1;a=b\r\n \r\n'.repeat(5_000)}0\r\n\r\n`],
  ['a chunk extension that ends in LF alone', `${CHUNKED}1;a\n{\r\n0\r\n\r\n`],
  ['a chunk of 2^72 bytes', `${CHUNKED}ffffffffffffffffff\r\n{\r\n0\r\n\r\n`],
  ['a chunk of -1 bytes', `${CHUNKED}-1\r\n{\r\n0\r\n\r\n`],
  ['TRACE', `TRACE /rpc/probe.echo HTTP/1.1\r\n${CLOSE}\r\n`],
  ['TRACE of a page', `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`],
  ['CONNECT', `CONNECT internal:443 HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a method that is none', `FOO /rpc/probe.echo HTTP/1.1\r\n${CLOSE}\r\n`],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target with a host', get('http://evil.example/livez')],
  ['a target with our own host', get('http://a/rpc/probe.stripped')],
  ['a path that begins like a host', get('//evil.example/livez')],
  ['a path that begins like a host to a browser', get('/\\evil.example/livez')],
  ['a procedure behind two slashes', get('//rpc/probe.stripped')],
  ['a way out of the folder', get('/rpc/../../etc/passwd')],
  ['a path with NUL', get('/rpc/probe\0stripped')],
  ['a path with an encoded NUL', get('/rpc/probe.stripped%00')],
  ['a path of raw bytes', Buffer.from(get('/rpc/\xff\xfe'), 'latin1')],
  ['a path that cannot be decoded', get('/rpc/%E0%A4%A')],
  ['a path of 100,000 commas', get(`/rpc/${','.repeat(100_000)}?batch=1`)],
  ['a path of 10,000 commas', get(`/rpc/${','.repeat(10_000)}?batch=1`)],
  ['a path through a prototype', get('/rpc/__proto__.toString')],
  ['a constructor for a procedure', get('/rpc/constructor.constructor')],
  [
    'a large body behind an expectation',
    `${POST}Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n`,
  ],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/2.1', `GET / HTTP/2.1\r\n${CLOSE}\r\n`],
  ['TLS', Buffer.from('160301020001', 'hex')],
]

/** What is odd, and yet is HTTP: it may be answered as if it were not there. */
const harmless: [name: string, bytes: string][] = [
  ['a __proto__ header', get('/rpc/probe.stripped', '__proto__: x\r\nconstructor: y\r\n')],
  ['an upgrade to WebSocket', get('/rpc/probe.stripped', 'Upgrade: websocket\r\n')],
  ['an upgrade to HTTP/2', get('/rpc/probe.stripped', 'Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\n')],
  ['an expectation', `${POST}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n${BODY}`],
  ['an expectation that nobody knows', get('/rpc/probe.stripped', 'Expect: wonders\r\n')],
  ['a trailer that names a host', `${CHUNKED}b\r\n${BODY}\r\n0\r\nHost: evil\r\n\r\n`],
]

/** What an answer may never show: stacks, files, packages, SQL. */
const INSIDE =
  /\bat \S+ \(|node:internal|node_modules|\.[jt]s:\d|file:\/\/|\bselect\b|\/(work|home|root|etc)\//i

const statusesOf = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

async function stillServes() {
  const answer = await rawAnswer(server.url, get('/rpc/probe.stripped'))
  expect(statusesOf(answer)).toEqual([200])
}

describe('bytes from a socket', () => {
  test.each(refused)('are refused: %s', async (_, bytes) => {
    const answer = await rawAnswer(server.url, bytes)
    const statuses = statusesOf(answer).filter((status) => status !== 100)
    expect(statuses.length).toBeLessThanOrEqual(1)
    for (const status of statuses) expect(status).toSatisfy((n: number) => n >= 400 && n < 500)
    expect(answer).not.toMatch(INSIDE)
    await stillServes()
  })

  test.each(harmless)('do no harm: %s', async (_, bytes) => {
    const answer = await rawAnswer(server.url, bytes)
    expect(statusesOf(answer).filter((status) => status !== 100)).toEqual([200])
    await stillServes()
  })

  test('name no path by naming a host before it', async () => {
    for (const target of ['http://evil.example/livez', 'http://a/', '*']) {
      expect(await rawAnswer(server.url, get(target))).toContain('The request names no path.')
    }
  })

  test('are no second request behind a first one that is refused', async () => {
    const smuggled = get('/rpc/probe.stripped')
    const text = `${POST}Content-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`
    const answer = await rawAnswer(server.url, text.replaceAll('Connection: close\r\n', ''))
    expect(statusesOf(answer)).toEqual([400])
  })

  test('bring no second answer into one that is under way', async () => {
    const { port, hostname } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.write(get('/rpc/probe.count?input={"json":{"to":1}}')) // a stream that goes on
    await expect.poll(() => answer).toContain('{"n":1}')
    socket.write('Good day!\r\n\r\n')
    await once(socket, 'close')
    expect(statusesOf(answer)).toEqual([200])
  })

  test('leave nothing behind', async () => {
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('x')
    const gauges = () => server.app.metrics.snapshot().gauges
    await expect.poll(gauges).toMatchObject({ http_requests_in_flight: 0, http_connections: 0 })
    const failed = server.logs.filter(({ level }) => level === 'error' || level === 'fatal')
    expect(failed).toEqual([])
  })
})

import { connect, type Socket } from 'node:net'
import { setInterval as every } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer } from '../testing/index.ts'
import { httpConfig } from './http-config.fixture.ts'

const COUNT = 10

const HEADERS = 'POST /rpc/probe.echo HTTP/1.1\r\nHost: a\r\n'
const BODY = `${HEADERS}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n`

test.each([
  ['headers', HEADERS, { headersTimeoutMs: 300, requestTimeoutMs: 600_000 }, 0],
  ['a body', BODY, { headersTimeoutMs: 300, requestTimeoutMs: 300 }, COUNT],
])('clients that never finish %s are told so, and nothing of them is left', async (...row) => {
  const [, start, timeouts, inFlight] = row
  await using server = await startTestServer(probeApp, { config: { http: httpConfig(timeouts) } })
  const { port } = new URL(server.url)
  const gauges = () => server.app.metrics.snapshot().gauges
  const clients = Array.from({ length: COUNT }, () => dribble(connect(Number(port)), start))
  await expect
    .poll(gauges)
    .toMatchObject({ http_connections: COUNT, http_requests_in_flight: inFlight })
  // Who sends a byte just then loses the answer to the reset of the connection.
  const told = (await Promise.all(clients)).filter((answer) => answer !== '')
  expect(told).not.toHaveLength(0)
  for (const answer of told) {
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(answer).toContain('The request took too long to arrive.')
  }
  await expect.poll(gauges).toMatchObject({ http_connections: 0, http_requests_in_flight: 0 })
  expect(server.app.metrics.snapshot().counters).toMatchObject({
    'http_broken_requests_total{status="408"}': COUNT,
  })
})

test.each([
  ['at once', 'GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n'],
  ['by a refusal', 'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n'],
])('a body of a request that was answered %s has no more time than others', async (_, start) => {
  const timeouts = { headersTimeoutMs: 300, requestTimeoutMs: 300 }
  await using server = await startTestServer(probeApp, { config: { http: httpConfig(timeouts) } })
  const { port } = new URL(server.url)
  expect(await dribble(connect(Number(port)), start)).toMatch(/^HTTP\/1\.1 /)
  const connections = () => server.app.metrics.snapshot().gauges['http_connections']
  await expect.poll(connections).toBe(0)
})

/** Sends a start, and then a byte now and again, until the server closes. */
async function dribble(socket: Socket, start: string): Promise<string> {
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString()))
  socket.on('error', () => {})
  socket.write(start)
  for await (const _ of every(50)) {
    if (socket.closed) return answer
    if (socket.writable) socket.write('a')
  }
  return answer
}

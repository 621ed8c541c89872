import { connect, type Socket } from 'node:net'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { createMetrics } from '../platform/metrics.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { createBodyBudget } from './body-budget.ts'
import { behindProxy } from './limit-app.fixture.ts'
import { probeApp } from './probe-app.fixture.ts'
import { raw } from './raw-call.fixture.ts'

const BODY_BYTES = 990_000

describe('bodies that have not come to their end', () => {
  let server: TestServer<typeof probeApp>
  beforeAll(async () => {
    server = await startTestServer(probeApp, { config: { http: behindProxy } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const gauges = () => server.app.metrics.snapshot().gauges
  let answers: string[] = []
  beforeEach(() => void (answers = []))
  const refused = () => answers.filter((text) => text.includes('"reason":"OVERLOADED"')).length

  /** Sends all of a body but its last byte. */
  function begin(address: string): Socket {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.on('error', () => {}) // a refused one is closed while it sends
    socket.on('data', (chunk) => void answers.push(chunk.toString()))
    const head = `Host: x\r\nX-Forwarded-For: ${address}\r\nContent-Type: application/json`
    socket.write(
      `POST /rpc/probe.echo HTTP/1.1\r\n${head}\r\nContent-Length: ${BODY_BYTES + 1}\r\n\r\n`,
    )
    socket.write(Buffer.alloc(BODY_BYTES, ' '))
    return socket
  }

  const send = (address: string, bytes: number) =>
    raw(`${server.url}/rpc/probe.echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
      body: JSON.stringify({ json: { text: 'x'.repeat(bytes) } }),
    })

  test('hold a quarter of the room for one client at most, and nothing once they are gone', async () => {
    const sockets = Array.from({ length: 20 }, () => begin('198.51.100.1'))
    await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThanOrEqual(4)
    expect(gauges().rpc_body_bytes).toBeLessThanOrEqual(16_000_000)
    expect((await send('198.51.100.2', 500_000)).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => gauges().rpc_body_bytes, { timeout: 10_000 }).toBe(0)
    expect((await send('198.51.100.1', 500_000)).status).toBe(200)
    expect(gauges().rpc_body_bytes).toBe(0)
  })

  test('hold no more than the room for all clients together', async () => {
    const sockets = Array.from({ length: 70 }, (_, n) => begin(`198.51.100.${n % 7}`))
    await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThanOrEqual(6)
    expect(gauges().rpc_body_bytes).toBeLessThanOrEqual(64_000_000)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => gauges().rpc_body_bytes, { timeout: 10_000 }).toBe(0)
  })
})

describe('the room for bodies', () => {
  const full = expect.objectContaining({
    reason: 'OVERLOADED',
    details: { retryAfterMs: expect.any(Number) },
  })
  const open = (largestBytes = 10) => {
    const metrics = createMetrics()
    const budget = createBodyBudget({ maxBytes: 100, largestBytes, metrics })
    return {
      begin: (address: string) => budget.open(address),
      held: () => metrics.snapshot().gauges.rpc_body_bytes,
    }
  }

  test('is refused with a time to come again, and what is refused counts for nothing', () => {
    const { begin, held } = open()
    const body = begin('192.0.2.1')
    body.take(20)
    expect(() => body.take(6)).toThrow(full)
    expect(held()).toBe(20)
    body[Symbol.dispose]()
    body[Symbol.dispose]()
    expect(held()).toBe(0)
  })

  test('is shared by the addresses of one network', () => {
    const { begin } = open()
    begin('2001:db8::1').take(20)
    expect(() => begin('2001:db8::2').take(6)).toThrow(full)
    expect(() => begin('2001:db8:0:1::1').take(6)).not.toThrow()
  })

  test('gives one client a body of the largest kind, where that is more than a quarter', () => {
    const { begin } = open(60)
    const body = begin('192.0.2.1')
    body.take(60)
    expect(() => body.take(1)).toThrow(full)
  })
})

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { isFailure } from '@tautline/shared'

import { systemClock } from '../platform/clock.ts'
import { createMetrics } from '../platform/metrics.ts'
import { StreamEnd } from './stream-end.ts'
import { openStreamWriter } from './stream-writer.ts'
import { createStreams } from './streams.ts'

const MINUTE_MS = 60_000

/** Streams of a process, and how many there are. */
function streamsOf(max = 100) {
  const metrics = createMetrics()
  const streams = createStreams({ metrics, clock: systemClock, max })
  return { ...streams, count: () => metrics.snapshot().gauges['rpc_streams_open'] }
}

function reasonOf(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return isFailure(error) ? error.reason : error
  }
}

const anna = { principal: { userId: 'anna', roles: [], scopes: [] }, address: '' }
const nobody = { principal: null, address: '10.0.0.1' }

describe('streams', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('are so many in a process, and more are refused until one has closed', () => {
    const streams = streamsOf(2)
    const first = streams.open()
    streams.open()
    expect(reasonOf(streams.open)).toBe('OVERLOADED')
    first.close()
    expect(streams.count()).toBe(1)
    streams.open()
    expect(reasonOf(streams.open)).toBe('OVERLOADED')
  })

  test('are so many of one reader: a user, or the address of one who is nobody', () => {
    const streams = streamsOf()
    const open = [streams.open(), streams.open(), streams.open(), streams.open()]
    open[0]?.admit(anna, 1)
    expect(reasonOf(() => open[1]?.admit(anna, 1))).toBe('RATE_LIMITED')
    open[1]?.close()
    open[2]?.admit(nobody, 1)
    expect(reasonOf(() => open[3]?.admit(nobody, 1))).toBe('RATE_LIMITED')
    open[0]?.close()
    streams.open().admit(anna, 1)
    expect(reasonOf(() => streams.open().admit(anna, 1))).toBe('RATE_LIMITED')
  })

  test('are so many of one network of the sixth version, in which a client has any address', () => {
    const streams = streamsOf()
    streams.open().admit({ principal: null, address: '2001:db8::1' }, 1)
    const other = { principal: null, address: '2001:db8::ffff:2' }
    expect(reasonOf(() => streams.open().admit(other, 1))).toBe('RATE_LIMITED')
    streams.open().admit({ principal: null, address: '2001:db8:0:1::1' }, 1)
  })

  test('last ten minutes, and a fifth more or less', () => {
    const streams = streamsOf(1_000)
    const open = Array.from({ length: 500 }, () => streams.open())
    const ended = () => open.filter(({ signal }) => signal.aborted).length
    vi.advanceTimersByTime(8 * MINUTE_MS - 1)
    expect(ended()).toBe(0)
    vi.advanceTimersByTime(2 * MINUTE_MS)
    expect(ended()).toBeGreaterThan(150)
    expect(ended()).toBeLessThan(350)
    vi.advanceTimersByTime(2 * MINUTE_MS + 1)
    expect(ended()).toBe(500)
    for (const { signal } of open) expect(signal.reason).toBeInstanceOf(StreamEnd)
  })

  test('end with the token of their reader, where that ends before them', () => {
    const stream = streamsOf().open()
    const expiresAt = new Date(Date.now() + MINUTE_MS)
    stream.admit({ ...anna, principal: { ...anna.principal, expiresAt } }, 1)
    vi.advanceTimersByTime(MINUTE_MS - 1)
    expect(stream.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(stream.signal.reason).toBeInstanceOf(StreamEnd)
  })

  test('end at once when they are told to, with readers who come back within five seconds', () => {
    const streams = streamsOf(1_000)
    const open = Array.from({ length: 500 }, () => streams.open())
    streams.end()
    const waits = open.map(({ signal: { reason } }) =>
      reason instanceof StreamEnd ? reason.retryMs : NaN,
    )
    expect(Math.max(...waits)).toBeLessThan(5_000)
    for (let second = 0; second < 5; second++) {
      const within = waits.filter((ms) => ms >= second * 1_000 && ms < (second + 1) * 1_000)
      expect(within.length).toBeGreaterThan(50)
    }
    expect(reasonOf(streams.open)).toBe('UNAVAILABLE')
  })
})

describe('a reader', () => {
  /** The first bytes, or what it takes until the server closes. */
  async function textOf(socket: Socket, until?: string): Promise<string> {
    let text = ''
    for await (const chunk of socket) {
      text += String(chunk)
      if (until !== undefined && text.includes(until)) break
    }
    return text
  }

  test('of a stream where nothing happens hears signs of life', async () => {
    await using http = await serving((response) => {
      openStreamWriter(response, { signal: new AbortController().signal, pingMs: 20 })
    })
    const text = await textOf(http.call(), 'event: ping')
    expect(text).toContain('event: connected\ndata: {"reconnectAfterInactivityMs":50}\n\n')
  })

  test('who is sent away is told when to come back, and not that it is over', async () => {
    await using http = await serving((response) => {
      return openStreamWriter(response, { signal: new AbortController().signal }).end({
        retryMs: 12.3,
      })
    })
    const text = await textOf(http.call(), 'retry')
    expect(text).toContain('retry: 13\n\n')
    expect(text).not.toContain('event: return')
  })

  test('who stops reading holds what a socket holds, and is given up', async () => {
    let sent = 0
    let end = ''
    await using http = await serving(async (response) => {
      const { signal } = new AbortController()
      const writer = openStreamWriter(response, { signal, pingMs: 100 })
      const data = 'x'.repeat(10_000)
      while (!response.destroyed) {
        await writer.send({ data })
        sent++
      }
      await writer.end({ event: 'return', data: '' })
      end = 'given up'
    })
    const socket = http.call()
    socket.pause()
    await expect.poll(() => end, { timeout: 10_000 }).toBe('given up')
    // Both ends are of this machine: their buffers take some megabytes.
    expect(sent).toBeLessThan(2_000)
    socket.destroy()
  })

  /** Sends until the sockets are full, and so little more that nobody waits for it. */
  async function fill(response: ServerResponse, pingMs?: number) {
    const { signal } = new AbortController()
    const writer = openStreamWriter(response, { signal, ...(pingMs && { pingMs }) })
    while (response.writableLength === 0) {
      await writer.send({ data: 'x'.repeat(10_000) })
      await delay(1) // what the sockets take, they have taken by then
    }
    return writer
  }

  test('for whom but a little waits is given up as well, once they take nothing of it', async () => {
    let end = ''
    await using http = await serving(async (response) => {
      response.once('close', () => (end = 'given up'))
      await fill(response, 100)
    })
    const socket = http.call()
    socket.pause()
    await expect.poll(() => end, { timeout: 10_000 }).toBe('given up')
    socket.destroy()
  })

  test('who stops reading holds no connection on which all has been said', async () => {
    let end = ''
    await using http = await serving(async (response) => {
      response.once('close', () => (end = 'closed'))
      const writer = await fill(response)
      await writer.end({ retryMs: 1 })
    })
    const socket = http.call()
    socket.pause()
    await expect.poll(() => end, { timeout: 10_000 }).toBe('closed')
    socket.destroy()
  })

  test('who is slow at the end gets all there is, to the last word', async () => {
    const full = Promise.withResolvers<void>()
    await using http = await serving(async (response) => {
      const { signal } = new AbortController()
      const writer = openStreamWriter(response, { signal })
      while (!response.writableNeedDrain) {
        await Promise.race([writer.send({ data: 'x'.repeat(10_000) }), delay(1)])
      }
      await writer.send({ data: 'the last' })
      full.resolve()
      await writer.end({ event: 'return', data: '' })
    })
    const socket = http.call()
    socket.pause()
    await full.promise
    const text = await textOf(socket, 'event: return')
    expect(text).toContain('data: the last\n\nevent: return\n')
  })

  test('who stops reading keeps nobody from ending their stream', async () => {
    let end = ''
    await using http = await serving(async (response) => {
      const controller = new AbortController()
      const { signal } = controller
      const writer = openStreamWriter(response, { signal })
      setTimeout(() => controller.abort(), 200)
      while (!signal.aborted) await writer.send({ data: 'x'.repeat(100_000) })
      response.once('close', () => (end = 'closed'))
      await writer.end({ retryMs: 1 })
    })
    const socket = http.call()
    socket.pause()
    await expect.poll(() => end, { timeout: 10_000 }).toBe('closed')
    socket.destroy()
  })
})

/** A server with one handler, and callers of it. */
async function serving(handle: (response: ServerResponse) => unknown) {
  const server = createServer((_, response) => void handle(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // oxlint-disable-line typescript/consistent-type-assertions -- a TCP server has no other address
  return {
    call(): Socket {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {}) // 'close' follows
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      return socket
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'

import { describe, expect, test } from 'vitest'

import { startTestServer, type TestServerOptions } from '../testing/index.ts'
import { createAdmitApp } from './admit-app.fixture.ts'
import { errorOf, post, raw } from './raw-call.fixture.ts'

/** A server with few places, and what its test sees of it. */
async function open(
  admission: { maxRunning: number; maxQueued: number },
  given: Omit<TestServerOptions, 'config'> = {},
) {
  const { app, room } = createAdmitApp()
  const server = await startTestServer(app, { ...given, config: { admission } })
  const rpc = `${server.url}/rpc`
  const snapshot = () => server.app.metrics.snapshot()
  const left = new AbortController()
  const call = (name: string, init: RequestInit = {}) =>
    raw(`${rpc}/room.${name}`, { signal: left.signal, ...init })
  return {
    url: server.url,
    room,
    call,
    gauge: (name: string) => snapshot().gauges[name],
    counters: () => snapshot().counters,
    post: () => post(`${rpc}/room.post`, JSON.stringify({ json: { text: '' } })),
    batch: (names: readonly string[]) =>
      raw(`${rpc}/${names.map((name) => `room.${name}`).join(',')}?batch=1`, {
        signal: left.signal,
      }),
    /** So many calls that stay; resolves when they are inside. */
    async fill(name: string, count: number) {
      const calls = Array.from({ length: count }, () => call(name))
      for (const one of calls) one.catch(() => {}) // those that stay until the end
      await expect.poll(() => room.inside).toBe(count)
      return { first: calls[0] }
    },
    async [Symbol.asyncDispose]() {
      room.letAllGo()
      left.abort()
      await server[Symbol.asyncDispose]()
    },
  }
}

const POST_HEAD =
  'POST /rpc/room.post HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n'

describe('a request for which there is no place', () => {
  test('is refused before its body is read, by an answer that says when to come again', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    await server.fill('normal', 1)
    const answer = await untilClosed(server.url, POST_HEAD) // not one byte of the body is sent
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 503 /)
    expect(head).toMatch(/\r\nretry-after: [1-5](\r\n|$)/i)
    expect(head).toMatch(/\r\nconnection: close(\r\n|$)/i)
    expect(head).toMatch(/\r\ncontent-type: application\/json(\r\n|$)/i)
    const [, requestId] = /\r\nx-request-id: ([\w-]+)/i.exec(head) ?? []
    const error = errorOf({ status: 503, headers: new Headers(), text: body })
    expect(error).toMatchObject({ reason: 'OVERLOADED', retryable: true, requestId })
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(1_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(5_000)
    expect(server.room.inside).toBe(1)
  })

  test('keeps its connection when all of it has come', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    const { first } = await server.fill('normal', 1)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    const statuses: (number | undefined)[] = []
    for (const method of ['GET', 'POST', 'GET']) {
      const path = `${server.url}/rpc/room.${method === 'GET' ? 'normal' : 'post'}`
      statuses.push(await sendThrough(agent, { method, path }, ports))
    }
    expect(statuses).toEqual([503, 503, 503])
    server.room.letOneGo()
    expect((await first)?.status).toBe(200)
    server.room.letAllGo()
    statuses.push(
      await sendThrough(agent, { method: 'GET', path: `${server.url}/rpc/room.normal` }, ports),
    )
    expect(statuses.at(-1)).toBe(200)
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  test('is counted with its priority and why, and costs no call', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    await server.fill('critical', 1)
    expect((await server.call('sheddable')).status).toBe(503)
    const counters = server.counters()
    expect(counters).toMatchObject({
      'admission_total{priority="critical",outcome="admitted"}': 1,
      'admission_total{priority="sheddable",outcome="full"}': 1,
    })
    expect(Object.keys(counters).filter((name) => name.startsWith('rpc_calls_total'))).toEqual([])
    expect(server.gauge('admission_limit')).toBe(1)
  })

  test('waits for one, the more important before the others', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 2 })
    const { first } = await server.fill('normal', 1)
    const came: string[] = []
    const waiting = ['sheddable', 'critical'].map(async (name, index) => {
      await expect.poll(() => server.gauge('admission_queued')).toBe(index)
      const { status } = await server.call(name)
      came.push(`${name} ${status}`)
    })
    await expect.poll(() => server.gauge('admission_queued')).toBe(2)
    server.room.letOneGo()
    expect((await first)?.status).toBe(200)
    for (const count of [1, 2]) {
      await expect.poll(() => server.room.inside).toBe(1)
      server.room.letOneGo()
      await expect.poll(() => came.length).toBe(count)
    }
    await Promise.all(waiting)
    expect(came).toEqual(['critical 200', 'sheddable 200'])
  })

  test('leaves the queue when its caller leaves', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 1 })
    await server.fill('normal', 1)
    const caller = new AbortController()
    const waiting = server.call('normal', { signal: caller.signal })
    await expect.poll(() => server.gauge('admission_queued')).toBe(1)
    caller.abort()
    await expect(waiting).rejects.toThrow('aborted')
    await expect.poll(() => server.gauge('admission_queued')).toBe(0)
    expect(server.gauge('admission_running')).toBe(1)
  })

  test('is refused at once when its time would be over by then, its own or that of its procedure', async () => {
    let nowMs = Date.now()
    const clock = { now: () => new Date(nowMs) }
    await using server = await open({ maxRunning: 1, maxQueued: 5 }, { clock })
    const { first } = await server.fill('normal', 1)
    nowMs += 500
    server.room.letOneGo()
    expect((await first)?.status).toBe(200) // from now on, a call is known to take 500 ms
    await server.fill('normal', 1)
    const within = (ms: number) => server.call('normal', { headers: { 'x-deadline-ms': `${ms}` } })
    expect((await within(900)).status).toBe(503)
    expect((await server.call('hasty')).status).toBe(503)
    within(60_000).catch(() => {})
    await expect.poll(() => server.gauge('admission_queued')).toBe(1)
    expect(server.counters()).toMatchObject({
      'admission_total{priority="normal",outcome="late"}': 2,
    })
  })
})

describe('a batch', () => {
  test('is as important as the least important of its calls', async () => {
    await using server = await open({ maxRunning: 10, maxQueued: 0 })
    await server.fill('critical', 6) // of ten places, six are open to what is sheddable
    expect((await server.batch(['critical', 'sheddable', 'critical'])).status).toBe(503)
    expect((await server.batch(['normal', 'critical', 'sheddable'])).status).toBe(503)
    server.batch(['critical', 'normal']).catch(() => {})
    await expect.poll(() => server.room.inside).toBe(8)
    expect((await server.batch(['critical', 'normal'])).status).toBe(503) // nine are for `normal`
    server.batch(['critical', 'critical']).catch(() => {})
    await expect.poll(() => server.room.inside).toBe(10)
  })

  test.each([
    [1, 1],
    [3, 3],
    [20, 4],
  ])('of %i calls takes %i places, and all of them run at once', async (count, places) => {
    await using server = await open({ maxRunning: 100, maxQueued: 0 })
    const answer = server.batch(Array<string>(count).fill('normal'))
    await expect.poll(() => server.room.inside).toBe(count)
    expect(server.gauge('admission_running')).toBe(places)
    server.room.letAllGo()
    const { status, text } = await answer
    expect(status).toBe(200)
    expect(text.match(/"done"/g)).toHaveLength(count)
    await expect.poll(() => server.gauge('admission_running')).toBe(0)
  })

  test('fills no bulkhead by itself: four of its calls are there, and the others wait', async () => {
    await using server = await open({ maxRunning: 100, maxQueued: 0 })
    const answer = server.batch(Array<string>(20).fill('narrow'))
    for (let done = 0; done < 20; done++) {
      await expect.poll(() => server.room.inside).toBe(Math.min(4, 20 - done))
      server.room.letOneGo()
    }
    const { status, text } = await answer
    expect([status, text.match(/"done"/g)?.length]).toEqual([200, 20])
    expect(server.room.mostInside).toBe(4)
  })

  test('that is refused gets one answer, which says when to come again', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    await server.fill('normal', 1)
    const answer = await server.batch(['normal', 'normal'])
    expect(errorOf(answer).reason).toBe('OVERLOADED')
    expect(answer.headers.get('retry-after')).toMatch(/^[1-5]$/)
  })
})

describe('a place', () => {
  test('is not held by a stream, and not needed by one', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    const leaving = new AbortController()
    const { body } = await fetch(`${server.url}/rpc/room.stream`, { signal: leaving.signal })
    await expect.poll(() => server.room.inside).toBe(1)
    expect(server.gauge('admission_running')).toBe(0)
    server.call('normal').catch(() => {})
    await expect.poll(() => server.room.inside).toBe(2)
    const other = await fetch(`${server.url}/rpc/room.stream`, { signal: leaving.signal })
    expect([body === null, other.status]).toEqual([false, 200])
    leaving.abort()
  })

  test('is not taken by bodies that do not come to their end', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    const { port, hostname } = new URL(server.url)
    const slow = Array.from({ length: 5 }, () => {
      const socket = connect(Number(port), hostname).on('error', () => {})
      socket.write(POST_HEAD + '{')
      return socket
    })
    await expect.poll(() => server.gauge('http_requests_in_flight')).toBe(5)
    expect(server.gauge('admission_running')).toBe(0)
    server.room.letAllGo()
    expect((await server.post()).status).toBe(200)
    for (const socket of slow) socket.resetAndDestroy()
  })

  test('is free when the caller leaves in the middle of a call', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    const caller = new AbortController()
    const running = server.call('normal', { signal: caller.signal })
    await expect.poll(() => server.room.inside).toBe(1)
    caller.abort()
    await expect(running).rejects.toThrow('aborted')
    await expect.poll(() => server.gauge('admission_running')).toBe(0)
    await expect.poll(() => server.room.inside).toBe(0)
  })

  test('is free after a call that fails, a body that is refused and a procedure that is not there', async () => {
    await using server = await open({ maxRunning: 1, maxQueued: 0 })
    const refused = () => post(`${server.url}/rpc/room.post`, 'no JSON')
    const calls = [() => server.call('crash'), refused, () => server.call('nowhere')]
    for (const [index, send] of calls.entries()) {
      expect((await send()).status).toBe([500, 400, 404][index])
      await expect.poll(() => server.gauge('admission_running')).toBe(0)
    }
    server.room.letAllGo()
    expect((await server.post()).status).toBe(200)
  })

  test('is handed to those who wait, until the last of them is served', async () => {
    await using server = await open({ maxRunning: 2, maxQueued: 100 })
    const calls = Array.from({ length: 30 }, () => server.call('critical'))
    await expect.poll(() => server.gauge('admission_queued')).toBe(28)
    server.room.letAllGo()
    const answers = await Promise.all(calls)
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200))
    expect(server.room.mostInside).toBe(2)
    await expect.poll(() => server.gauge('admission_running')).toBe(0)
  })
})

describe('concurrency of a procedure', () => {
  test('lets as many run and wait as it says, refuses the next, and touches no other procedure', async () => {
    await using server = await open({ maxRunning: 100, maxQueued: 0 })
    const { first } = await server.fill('lonely', 1)
    const second = server.call('lonely')
    await expect.poll(() => server.gauge('concurrency_waiting')).toBe(1)
    const third = await server.call('lonely')
    expect(third.status).toBe(503)
    expect(third.headers.get('retry-after')).toMatch(/^[1-5]$/)
    expect(errorOf(third)).toMatchObject({ reason: 'OVERLOADED', retryable: true })
    expect([server.gauge('concurrency_running'), server.room.inside]).toEqual([1, 1])
    server.call('normal').catch(() => {})
    await expect.poll(() => server.room.inside).toBe(2)

    server.room.letAllGo()
    expect([(await first)?.status, (await second).status]).toEqual([200, 200])
    await expect.poll(() => server.gauge('concurrency_running')).toBe(0)
    expect((await server.call('lonely')).status).toBe(200)
  })

  test('gives the turn of one who leaves to the next', async () => {
    await using server = await open({ maxRunning: 100, maxQueued: 0 })
    await server.fill('lonely', 1)
    const caller = new AbortController()
    const leaving = server.call('lonely', { signal: caller.signal })
    await expect.poll(() => server.gauge('concurrency_waiting')).toBe(1)
    caller.abort()
    await expect(leaving).rejects.toThrow('aborted')
    await expect.poll(() => server.gauge('concurrency_waiting')).toBe(0)
    const next = server.call('lonely')
    await expect.poll(() => server.gauge('concurrency_waiting')).toBe(1)
    server.room.letAllGo()
    expect((await next).status).toBe(200)
  })

  test('holds inside a batch: of three, one runs, one waits and one is refused', async () => {
    await using server = await open({ maxRunning: 100, maxQueued: 0 })
    const answer = server.batch(['lonely', 'lonely', 'lonely'])
    await expect.poll(() => server.gauge('concurrency_waiting')).toBe(1)
    server.room.letAllGo()
    const { status, text } = await answer
    expect(status).toBe(207)
    expect([text.match(/"done"/g)?.length, text.match(/OVERLOADED/g)?.length]).toEqual([2, 1])
    expect(server.room.mostInside).toBe(1)
  })
})

/** Writes this much and reads until the server closes. */
async function untilClosed(url: string, head: string): Promise<string> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(head)
  return textOf(socket)
}

/** Sends one request on a connection of the agent, and notes which one that was. */
function sendThrough(
  agent: Agent,
  { method, path }: { method: string; path: string },
  ports: Set<number | undefined>,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(path, {
      agent,
      method,
      ...(method === 'POST' && { headers: { 'content-type': 'application/json' } }),
    })
    sent.on('socket', (socket) => socket.once('connect', () => ports.add(socket.localPort)))
    sent.on('error', reject)
    sent.on('response', (response) => {
      ports.add(sent.socket?.localPort)
      response.resume().on('end', () => resolve(response.statusCode))
    })
    sent.end(method === 'POST' ? JSON.stringify({ json: { text: '' } }) : undefined)
  })
}

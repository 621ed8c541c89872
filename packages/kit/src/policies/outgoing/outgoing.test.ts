import type { RequestListener } from 'node:http'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { isFailure } from '@tautline/shared'

import { within, withinTransaction } from '../../platform/call-scope.ts'
import { nextHop } from './hop.ts'
import { outgoingTo, reasonOf, startUpstream } from './upstream.fixture.ts'

const textOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes).toString()

/** Answers with these statuses, one after the other, and then with 200. */
function statuses(...list: readonly number[]): RequestListener {
  const left = [...list]
  return (_, response) => response.writeHead(left.shift() ?? 200).end('done')
}

test('a call sends what it is given, and answers with status, headers and body', async () => {
  await using upstream = await startUpstream((request, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.writeHead(201, { 'content-type': 'text/plain' })
    request.pipe(response)
  })
  await using outgoing = outgoingTo([upstream.host])
  const headers = { 'X-Key': 'k', Host: 'elsewhere', 'content-length': '1' }
  const answer = await outgoing.fetch(`${upstream.url}/a?b=c#d`, {
    method: 'POST',
    headers,
    body: 'hello',
  })
  expect(answer).toMatchObject({ status: 201, headers: { 'set-cookie': 'a=1' } })
  expect(textOf(answer)).toBe('hello')
  const [request] = upstream.requests
  expect(request).toMatchObject({ method: 'POST', url: '/a?b=c' })
  expect(request?.headers).toMatchObject({ 'x-key': 'k', host: upstream.host })
  expect(outgoing.metrics.snapshot().counters['outgoing_requests_total{outcome="OK"}']).toBe(1)
})

test('connections are kept, and no more are made to one host than it may have', async () => {
  await using upstream = await startUpstream((_, response) => {
    setTimeout(() => response.end(), 20)
  })
  await using outgoing = outgoingTo([upstream.host], { limits: { connections: 2, queue: 3 } })
  const calls = Array.from({ length: 6 }, () => reasonOf(outgoing.fetch(upstream.url)))
  await expect.poll(() => outgoing.gauge('running')).toBe(2)
  expect(outgoing.gauge('waiting')).toBe(3)
  const ends = await Promise.all(calls)
  expect(ends).toEqual([...Array<string>(5).fill('no failure'), 'UPSTREAM_UNAVAILABLE'])
  expect([upstream.requests.length, upstream.connections]).toEqual([5, 2])
  expect([outgoing.gauge('running'), outgoing.gauge('waiting')]).toEqual([0, 0])
})

test('the hosts that are remembered are bounded, and one that is in use is not forgotten', async () => {
  await using busy = await startUpstream(() => {})
  await using others = await startUpstream(statuses())
  await using outgoing = outgoingTo(['127.0.0.0/8'], { limits: { hosts: 2 } })
  const controller = new AbortController()
  const calling = reasonOf(outgoing.fetch(busy.url, { signal: controller.signal }))
  await expect.poll(() => busy.requests.length).toBe(1)
  await outgoing.fetch(others.url)
  await reasonOf(outgoing.fetch(`http://127.0.0.9:${others.port}/`, { timeoutMs: 500 }))
  expect([outgoing.gauge('hosts'), outgoing.gauge('running')]).toEqual([2, 1])
  controller.abort(new Error('enough'))
  await calling
})

test('what is idempotent is sent again, what is not never is', async () => {
  await using upstream = await startUpstream(statuses(503, 502, 200, 503, 503, 200, 503))
  await using outgoing = outgoingTo([upstream.host])
  expect((await outgoing.fetch(upstream.url)).status).toBe(200)
  expect(upstream.requests).toHaveLength(3)
  expect(await reasonOf(outgoing.fetch(upstream.url, { method: 'POST' }))).toBe('UPSTREAM_STATUS')
  expect(upstream.requests).toHaveLength(4)
  await outgoing.fetch(upstream.url, { method: 'POST', idempotent: true })
  expect(upstream.requests).toHaveLength(6)
  const never = { idempotent: false }
  expect(await reasonOf(outgoing.fetch(upstream.url, never))).toBe('UPSTREAM_STATUS')
  expect(upstream.requests).toHaveLength(7)
})

test('a status that is not worth another attempt is told at once', async () => {
  await using upstream = await startUpstream(statuses(404, 500))
  await using outgoing = outgoingTo([upstream.host])
  const call = outgoing.fetch(upstream.url)
  await expect(call).rejects.toMatchObject({ details: { data: { status: 404 } } })
  expect(await reasonOf(outgoing.fetch(upstream.url))).toBe('UPSTREAM_STATUS')
  expect(upstream.requests).toHaveLength(2)
})

test('Retry-After is obeyed where there is time for it, and told where there is not', async () => {
  let answers = 0
  await using upstream = await startUpstream((_, response) => {
    if (answers++ === 1) return response.end('at last')
    response.writeHead(429, { 'retry-after': '1' }).end()
  })
  await using outgoing = outgoingTo([upstream.host])
  const startedAt = performance.now()
  expect(textOf(await outgoing.fetch(upstream.url))).toBe('at last')
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(999)
  const call = outgoing.fetch(upstream.url, { timeoutMs: 500 })
  const details = { retryAfterMs: 1_000, data: { status: 429 } }
  await expect(call).rejects.toMatchObject({ details })
  expect(upstream.requests).toHaveLength(3)
})

test('a connection that breaks in the middle of an answer is a failure of the upstream', async () => {
  await using upstream = await startUpstream((request, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => request.socket.resetAndDestroy())
  })
  await using outgoing = outgoingTo([upstream.host])
  expect(await reasonOf(outgoing.fetch(upstream.url))).toBe('UPSTREAM_UNAVAILABLE')
  expect(upstream.requests).toHaveLength(3)
  const post = outgoing.fetch(upstream.url, { method: 'POST', body: 'pay' })
  expect(await reasonOf(post)).toBe('UPSTREAM_OUTCOME_UNKNOWN')
  expect(upstream.requests).toHaveLength(4)
})

test('a POST that could not even connect has certainly not been done', async () => {
  const gone = await startUpstream(statuses())
  await gone[Symbol.asyncDispose]()
  await using outgoing = outgoingTo([gone.host])
  const post = outgoing.fetch(gone.url, { method: 'POST' })
  expect(await reasonOf(post)).toBe('UPSTREAM_UNAVAILABLE')
})

test('a host that fails too often is left alone, asked once in a while, and used again', async () => {
  const failing = Array<number>(6).fill(500)
  await using upstream = await startUpstream(statuses(...failing))
  let nowMs = 0
  await using outgoing = outgoingTo([upstream.host], { clock: { now: () => new Date(nowMs) } })
  const call = () => reasonOf(outgoing.fetch(upstream.url))
  for (let count = 0; count < 5; count++) expect(await call()).toBe('UPSTREAM_STATUS')
  expect(outgoing.gauge('breakers_open')).toBe(1)
  await expect(outgoing.fetch(upstream.url)).rejects.toMatchObject({
    reason: 'UPSTREAM_UNAVAILABLE',
    details: { retryAfterMs: 1_000 },
  })
  expect(upstream.requests).toHaveLength(5)

  nowMs = 1_000
  expect(await Promise.all([call(), call()])).toEqual(['UPSTREAM_STATUS', 'UPSTREAM_UNAVAILABLE'])
  nowMs = 2_000
  expect([await call(), await call()]).toEqual(['no failure', 'no failure'])
  expect(outgoing.gauge('breakers_open')).toBe(0)
  expect(upstream.requests).toHaveLength(8)
})

test('headers, and the bytes of a body, that do not come end a call', async () => {
  await using silent = await startUpstream(() => {})
  await using slow = await startUpstream((_, response) => response.writeHead(200).write('a'))
  await using outgoing = outgoingTo([silent.host, slow.host], {
    headersTimeoutMs: 100,
    bodyTimeoutMs: 100,
  })
  const ends = [silent, slow].flatMap(({ url }) => [
    reasonOf(outgoing.fetch(url, { timeoutMs: 4_000 })),
    reasonOf(outgoing.fetch(url, { method: 'POST' })),
  ])
  const expected = ['UPSTREAM_TIMEOUT', 'UPSTREAM_OUTCOME_UNKNOWN']
  expect(await Promise.all(ends)).toEqual([...expected, ...expected])
})

test('the time limit of a call ends it, and the upstream sees the connection close', async () => {
  await using upstream = await startUpstream(() => {})
  await using outgoing = outgoingTo([upstream.host])
  expect(await reasonOf(outgoing.fetch(upstream.url, { timeoutMs: 50 }))).toBe('UPSTREAM_TIMEOUT')
  await expect.poll(() => upstream.requests[0]?.socket.destroyed).toBe(true)
  expect(upstream.requests).toHaveLength(1)
})

test('who calls may leave, and the upstream sees the connection close', async () => {
  await using upstream = await startUpstream((_, response) => response.writeHead(200).write('a'))
  await using outgoing = outgoingTo([upstream.host])
  const controller = new AbortController()
  const calling = outgoing.fetch(upstream.url, { signal: controller.signal })
  await expect.poll(() => upstream.requests.length).toBe(1)
  controller.abort(new Error('left'))
  await expect(calling).rejects.toThrow('left')
  await expect.poll(() => upstream.requests[0]?.socket.destroyed).toBe(true)
  expect(outgoing.gauge('breakers_open')).toBe(0)
})

test('what is left of a procedure call bounds the calls in it, and so does its signal', async () => {
  await using upstream = await startUpstream(() => {})
  await using outgoing = outgoingTo([upstream.host])
  const controller = new AbortController()
  const scope = {
    requestId: 'r',
    procedure: 'p',
    kind: 'query' as const,
    signal: controller.signal,
    deadlineAt: performance.now() + 150,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  const call = () => within(scope, () => outgoing.fetch(upstream.url))
  expect(await reasonOf(call())).toBe('UPSTREAM_TIMEOUT')
  controller.abort(new Error('gone'))
  await expect(call()).rejects.toThrow('gone')
  expect(upstream.requests).toHaveLength(1)
})

test('redirects are followed three times, each as a request of its own', async () => {
  await using upstream = await startUpstream(({ url = '' }, response) => {
    const left = Number(url.slice(1))
    if (left === 0) return response.end('there')
    response.writeHead(302, { location: left > 9 ? url : `/${left - 1}` }).end('elsewhere')
  })
  await using outgoing = outgoingTo([upstream.host])
  expect(textOf(await outgoing.fetch(`${upstream.url}/3`))).toBe('there')
  expect(await reasonOf(outgoing.fetch(`${upstream.url}/4`))).toBe('UPSTREAM_INVALID')
  expect(await reasonOf(outgoing.fetch(`${upstream.url}/99`))).toBe('UPSTREAM_INVALID')
  expect(upstream.requests).toHaveLength(12)
})

test('another origin gets nothing of a request that may be secret', async () => {
  await using other = await startUpstream(statuses())
  await using first = await startUpstream((_, response) => {
    response.writeHead(307, { location: other.url }).end()
  })
  await using outgoing = outgoingTo([first.host, other.host])
  const headers = { Authorization: 'a', Cookie: 'b', 'X-Api-Key': 'c', accept: 'text/plain' }
  await outgoing.fetch(first.url, { headers })
  expect(first.requests[0]?.headers).toMatchObject({ authorization: 'a', cookie: 'b' })
  const seen = other.requests[0]?.headers
  expect(seen).toMatchObject({ accept: 'text/plain', host: other.host })
  expect(Object.keys(seen ?? {}).filter((name) => /auth|cookie|key/.test(name))).toEqual([])
  const post = outgoing.fetch(first.url, { method: 'POST', body: 'card number' })
  expect(await reasonOf(post)).toBe('UPSTREAM_REFUSED_ADDRESS')
  expect(other.requests).toHaveLength(1)
})

test('a redirect changes the method as browsers do, and never falls back from https', () => {
  const url = new URL('https://a.example/x')
  const headers = { 'content-type': 'text/plain', authorization: 'a' }
  const post = { url, method: 'POST', headers, body: 'b' } as const
  const got = { method: 'GET', body: undefined, headers: { authorization: 'a' } }
  for (const status of [301, 302, 303]) expect(nextHop(post, status, '/y')).toMatchObject(got)
  expect(nextHop(post, 303, '/y').headers).toEqual({ authorization: 'a' })
  expect(nextHop(post, 307, '/y')).toMatchObject({ method: 'POST', body: 'b', headers })
  const head = { ...post, method: 'HEAD', body: undefined } as const
  expect(nextHop(head, 303, '/y').method).toBe('HEAD')
  expect(() => nextHop(post, 303, 'http://a.example/')).toThrow('may not be called')
})

test('JSON is parsed and held to its schema', async () => {
  await using upstream = await startUpstream(({ url }, response) => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const answers = new Map([
      ['/good', '{"a":1,"b":2}'],
      ['/bad', '{"a":"1"}'],
      ['/deep', `{"a":1,"b":${deep}}`],
    ])
    response.end(answers.get(url ?? '') ?? '{')
  })
  await using outgoing = outgoingTo([upstream.host])
  const schema = z.object({ a: z.number() })
  expect(await outgoing.json(`${upstream.url}/good`, schema)).toEqual({ a: 1 })
  expect(upstream.requests[0]?.headers.accept).toBe('application/json')
  for (const path of ['/bad', '/broken', '/deep']) {
    expect(await reasonOf(outgoing.json(upstream.url + path, schema))).toBe('UPSTREAM_INVALID')
  }
})

test('inside a transaction nothing is sent', async () => {
  await using upstream = await startUpstream(statuses())
  await using outgoing = outgoingTo([upstream.host])
  const call = withinTransaction(() => outgoing.fetch(upstream.url))
  await expect(call).rejects.toThrow('inside a transaction')
  await expect(call).rejects.not.toSatisfy(isFailure)
  expect(upstream.requests).toHaveLength(0)
})

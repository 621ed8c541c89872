import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '../testing/index.ts'
import { probeApp } from './probe-app.fixture.ts'
import { errorOf, post, raw } from './raw-call.fixture.ts'

let server: TestServer<typeof probeApp>
beforeAll(async () => {
  server = await startTestServer(probeApp)
})
afterAll(() => server[Symbol.asyncDispose]())

const lineOf = (requestId: unknown) =>
  server.logs.find((line) => line.requestId === requestId && 'outcome' in line)

describe('the fixed order', () => {
  test('authorises before it looks at the input', async () => {
    const answer = await post(`${server.url}/rpc/probe.guarded`, '{"json":{"nonsense":1}}')
    expect(answer.status).toBe(401)
    expect(errorOf(answer).reason).toBe('UNAUTHENTICATED')
    const unreadable = await post(`${server.url}/rpc/probe.guarded`, 'this is not JSON')
    expect(unreadable.status).toBe(401)
  })

  test('lets through who has the role, and tells who has not', async () => {
    const admin = server.clientAs({ userId: 'anna', roles: ['admin'] })
    expect(await admin.probe.forAdmins.query()).toBe(true)
    const user = server.clientAs({ userId: 'anna', scopes: ['admin'] })
    await expect(user.probe.forAdmins.query()).rejects.toMatchObject({ reason: 'FORBIDDEN' })
  })

  test('removes from an output what it does not declare', async () => {
    const answer = await raw(`${server.url}/rpc/probe.stripped`)
    expect(answer.text).toContain('yes')
    expect(answer.text).not.toContain('secret')
  })

  test('answers an output that its schema refuses with INTERNAL', async () => {
    await expect(server.client().probe.wrongOutput.query()).rejects.toMatchObject({
      reason: 'INTERNAL',
    })
  })
})

describe('errors', () => {
  const client = () => server.client()

  test('carry the data that their definition declares, and no more', async () => {
    const answer = await post(`${server.url}/rpc/probe.fail`, '{"json":{"how":"declared"}}')
    expect(answer.status).toBe(409)
    expect(errorOf(answer)).toEqual({
      message: 'No luck this time.',
      reason: 'NO_LUCK',
      requestId: answer.headers.get('x-request-id'),
      retryable: false,
      retryAfterMs: 40,
      data: { tries: 3 },
    })
  })

  test.each(['undeclared', 'ill-formed', 'bug', 'sql'] as const)(
    'of the kind "%s" are masked, and the log has the rest under the request id',
    async (how) => {
      const answer = await post(`${server.url}/rpc/probe.fail`, JSON.stringify({ json: { how } }))
      expect(answer.status).toBe(500)
      const { reason, requestId } = errorOf(answer)
      expect(reason).toBe('INTERNAL')
      expect(answer.text).not.toMatch(/hunter2|secret_table|stack|\.ts|node_modules|UNDECLARED/)
      const line = lineOf(requestId)
      expect(line).toMatchObject({ level: 'error', procedure: 'probe.fail', outcome: 'INTERNAL' })
      expect(JSON.stringify(line)).toMatch(/hunter2|secret_table|UNDECLARED|NO_LUCK/)
    },
  )

  test('name the field that is wrong and never its value', async () => {
    const secret = 'correct horse battery'
    const answer = await post(
      `${server.url}/rpc/probe.echo`,
      JSON.stringify({ json: { text: { secret }, typo: secret } }),
    )
    expect(errorOf(answer).issues).toEqual([
      expect.objectContaining({ path: ['text'], code: 'invalid_type' }),
      { path: [], code: 'unrecognized_keys', message: 'There is no such field: typo' },
    ])
    expect(answer.text).not.toContain(secret)
  })

  test('are those of one call, when its answer cannot be encoded', async () => {
    const [good, bad] = await Promise.all([
      post(`${server.url}/rpc/probe.unspeakable`, '{"json":{"key":"a"}}'),
      post(`${server.url}/rpc/probe.unspeakable`, '{"json":{"key":"constructor"}}'),
    ])
    expect(good.status).toBe(200)
    expect(errorOf(bad).reason).toBe('INTERNAL')
    expect(lineOf(errorOf(bad).requestId)).toMatchObject({ outcome: 'INTERNAL' })
    const body = '{"0":{"json":{"key":"a"}},"1":{"json":{"key":"constructor"}}}'
    const batch = await post(`${server.url}/rpc/probe.unspeakable,probe.unspeakable?batch=1`, body)
    expect(batch.status).toBe(207)
  })

  test('in a batch fail alone', async () => {
    const [good, bad] = await Promise.allSettled([
      client().probe.stripped.query(),
      client().probe.wrongOutput.query(),
    ])
    expect(good.status).toBe('fulfilled')
    expect(bad.status).toBe('rejected')
  })
})

describe('observation', () => {
  test('writes one line for a call, with who called and where the time went', async () => {
    await server.clientAs({ userId: 'berta' }).probe.guarded.mutate({ text: 'hello' })
    const lines = server.logs.filter((line) => line.userId === 'berta')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ procedure: 'probe.guarded', outcome: 'OK', msg: 'call' })
    expect(lines[0]).toHaveProperty('database.queryMs')
    expect(JSON.stringify(lines)).not.toContain('hello')
  })

  test('counts calls by procedure and outcome', async () => {
    const series = 'rpc_calls_total{procedure="probe.stripped",outcome="OK"}'
    const before = server.app.metrics.snapshot().counters[series] ?? 0
    await server.client().probe.stripped.query()
    expect(server.app.metrics.snapshot().counters[series]).toBe(before + 1)
  })

  test('says which call was slow', async () => {
    await using slow = await startTestServer(probeApp, { config: { slowCallMs: 0 } })
    await slow.client().probe.stripped.query()
    expect(slow.logs).toContainEqual(expect.objectContaining({ msg: 'slow call' }))
  })
})

test('a subscription sends each event through its schema and ends', async () => {
  const input = encodeURIComponent('{"json":{"to":3}}')
  const answer = await raw(`${server.url}/rpc/probe.count?input=${input}`, {
    headers: { accept: 'text/event-stream' },
  })
  expect(answer.text.match(/"n":\d/g)).toEqual(['"n":1', '"n":2', '"n":3'])
  expect(answer.text).not.toContain('secret')
  await expect
    .poll(() => server.logs.filter((line) => line.procedure === 'probe.count'))
    .toMatchObject([{ kind: 'subscription', outcome: 'OK' }])
})

test('a subscription whose caller leaves ends in the log as well', async () => {
  const controller = new AbortController()
  const input = encodeURIComponent('{"json":{"to":1}}')
  const stream = await fetch(`${server.url}/rpc/probe.count?input=${input}`, {
    headers: { accept: 'text/event-stream' },
    signal: controller.signal,
  })
  await stream.body?.getReader().read()
  controller.abort()
  await expect
    .poll(() => server.logs.filter((line) => line.outcome === 'CLIENT_CLOSED_REQUEST'))
    .toMatchObject([{ procedure: 'probe.count', kind: 'subscription' }])
})

test('a refusal before any procedure finds its line by its request id', async () => {
  for (const answer of [
    await raw(`${server.url}/rpc/probe.nothing`),
    await raw(`${server.url}/rpc/probe.loose`),
    await raw(`${server.url}/rpc/probe.echo`, { method: 'PUT' }),
  ]) {
    const { reason, requestId } = errorOf(answer)
    expect(lineOf(requestId)).toMatchObject({ outcome: reason })
  }
})

test('an identity that never answers ends with the deadline of each call', async () => {
  const identity = () => new Promise<never>(() => {})
  await using stuck = await startTestServer(probeApp, { identity })
  const [quick, slow] = await Promise.allSettled([
    stuck.client().probe.hasty.query(),
    stuck.client().probe.hasty.query(),
  ])
  for (const { status } of [quick, slow]) expect(status).toBe('rejected')
})

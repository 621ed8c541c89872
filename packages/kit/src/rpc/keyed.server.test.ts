import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { mutation, query } from './define.ts'
import { attempts, halfway, keyedApp } from './keyed-app.fixture.ts'
import { startKeyedServer } from './keyed-server.fixture.ts'
import type { MutationPolicy } from './policy.ts'
import { errorOf, type RawAnswer } from './raw-call.fixture.ts'

let server: Awaited<ReturnType<typeof startKeyedServer>>
beforeAll(async () => {
  server = await startKeyedServer()
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(() => server.ask('truncate "order", tautline.idempotency'))

const MAKE = '{"json":{"amount":1}}'
const TOO_MANY = '{"json":{"amount":11}}'

const isReplay = ({ headers }: RawAnswer) => headers.get('idempotency-replayed') === 'true'

/** Two answers are to be the same but for the id of their request. */
const withoutRequestId = ({ text }: RawAnswer) => text.replace(/"requestId":"[^"]+"/, '')

describe('a key', () => {
  test('makes a mutation happen once, and gets the same answer byte by byte ever after', async () => {
    const first = await server.send('orders.make', { key: 'k', body: MAKE })
    expect([first.status, isReplay(first)]).toEqual([200, false])
    const again = await server.send('orders.make', { key: 'k', body: MAKE })
    expect([again.status, isReplay(again), again.text]).toEqual([200, true, first.text])
    expect(await server.orders()).toBe(1)
  })

  test('is not needed where it is optional: each call then happens', async () => {
    for (let n = 0; n < 2; n++) {
      const answer = await server.send('orders.make', { body: MAKE })
      expect([answer.status, isReplay(answer)]).toEqual([200, false])
    }
    expect([await server.orders(), await server.outcomes()]).toEqual([2, 0])
  })

  test.each(['text', 'bigint', 'date', 'number', 'true', 'null', 'undefined'])(
    'replays an answer that is no object: %s',
    async (kind) => {
      const body = JSON.stringify({ json: { kind } })
      const first = await server.send('orders.answer', { key: 'k', body })
      const again = await server.send('orders.answer', { key: 'k', body })
      expect(first.status).toBe(200)
      expect([isReplay(again), again.text]).toEqual([true, first.text])
      expect(await server.orders()).toBe(1)
    },
  )

  test('replays a failure that the procedure declares, with its data, and undoes the rest', async () => {
    const first = await server.send('orders.make', { key: 'k', body: TOO_MANY })
    const again = await server.send('orders.make', { key: 'k', body: TOO_MANY })
    expect([first.status, isReplay(first)]).toEqual([409, false])
    expect([again.status, isReplay(again)]).toEqual([409, true])
    expect(errorOf(again)).toMatchObject({ reason: 'SOLD_OUT', data: { left: '12' } })
    expect(withoutRequestId(again)).toBe(withoutRequestId(first))
    expect([await server.orders(), await server.outcomes()]).toEqual([0, 1])
  })

  test('is free again after a failure that holds for the moment', async () => {
    const refused = await server.send('orders.make', { key: 'k', body: '{"json":{"amount":0}}' })
    expect(errorOf(refused).reason).toBe('FORBIDDEN')
    const made = await server.send('orders.make', { key: 'k', body: MAKE })
    expect([made.status, isReplay(made)]).toEqual([200, false])
  })

  test('is refused for another input with 422, which changes nothing', async () => {
    await server.send('orders.make', { key: 'k', body: MAKE })
    const other = await server.send('orders.make', { key: 'k', body: '{"json":{"amount":2}}' })
    expect([other.status, errorOf(other).reason]).toEqual([422, 'KEY_REUSED'])
    expect(await server.orders()).toBe(1)
  })

  test('that is none is refused before anything is done', async () => {
    for (const key of ['', 'x'.repeat(256), 'k\u00e9y']) {
      const answer = await server.send('orders.make', { key, body: MAKE })
      expect(errorOf(answer)).toMatchObject({ reason: 'BAD_INPUT', issues: [{ code: 'bad_key' }] })
    }
    expect(await server.orders()).toBe(0)
  })
})

describe('a key that the procedure does not take, or that is missing', () => {
  const cases = [
    { path: 'orders.keyed', caller: { userId: 'carl' }, reason: 'KEY_REQUIRED' },
    { path: 'orders.keyless', caller: { userId: 'dora' }, key: 'k', reason: 'KEY_NOT_SUPPORTED' },
  ]
  test.each(cases)(
    'is refused with $reason before the input is read and anything is charged',
    async ({ path, reason, caller, key }) => {
      for (let n = 0; n < 3; n++) {
        const sent = { caller, body: n === 0 ? 'no JSON' : MAKE, ...(key && { key }) }
        const answer = await server.send(path, sent)
        expect([answer.status, errorOf(answer).reason]).toEqual([400, reason])
      }
      expect(await server.orders()).toBe(0)
      const allowed = { caller, body: MAKE, ...(!key && { key: 'k' }) }
      const statuses = []
      for (let n = 0; n < 3; n++) statuses.push((await server.send(path, allowed)).status)
      expect(statuses).toEqual([200, 200, 429])
    },
  )

  test('is told to nobody who may not call', async () => {
    const anonymous = { key: 'k', body: MAKE, caller: { userId: 'x', scopes: [] } }
    const headers = { 'content-type': 'application/json', 'idempotency-key': anonymous.key }
    const url = `${server.url}/rpc/orders.keyless`
    const answer = await fetch(url, { method: 'POST', headers, body: anonymous.body })
    expect(answer.status).toBe(401)
  })
})

describe('a batch', () => {
  test('of several calls with a key is refused, and none of them happens', async () => {
    const body = `{"0":${MAKE},"1":${MAKE}}`
    const answer = await server.send('orders.make,orders.make?batch=1', { key: 'k', body })
    expect(errorOf(answer)).toMatchObject({
      reason: 'BAD_INPUT',
      issues: [{ code: 'key_in_batch' }],
    })
    expect(await server.orders()).toBe(0)
  })

  test('of one is the same call as the one outside a batch', async () => {
    const alone = await server.send('orders.make', { key: 'k', body: MAKE })
    const body = `{ "0" : ${MAKE} }`
    const batched = await server.send('orders.make?batch=1', { key: 'k', body })
    expect([isReplay(batched), batched.text]).toEqual([true, `[${alone.text}]`])
    const other = await server.send('orders.make?batch=1', { key: 'k', body: `{"0":${TOO_MANY}}` })
    expect(other.text).toContain('KEY_REUSED')
    expect(await server.orders()).toBe(1)
  })

  test('of one that is not JSON is refused like any', async () => {
    for (const path of ['orders.make', 'orders.make?batch=1']) {
      const answer = await server.send(path, { key: 'k', body: '{"0":' })
      expect(answer.status).toBe(400)
      expect(answer.text).toContain('BAD_INPUT')
    }
  })
})

describe('whose key it is', () => {
  test('another user, tenant or issuer has keys of their own', async () => {
    const callers = [
      { userId: 'anna' },
      { userId: 'berta' },
      { userId: 'anna', tenantId: 'north' },
      { userId: 'anna', tenantId: 'south' },
      { userId: 'anna', issuer: 'north' },
    ]
    const texts = []
    for (const caller of callers) {
      const answer = await server.send('orders.make', { key: 'k', body: MAKE, caller })
      expect([answer.status, isReplay(answer)]).toEqual([200, false])
      texts.push(answer.text)
    }
    expect(new Set(texts).size).toBe(callers.length)
    // Nor does it matter to them what the others have sent under it.
    const other = { key: 'k2', body: TOO_MANY }
    await server.send('orders.make', { ...other, caller: { userId: 'berta' } })
    expect((await server.send('orders.make', { ...other, body: MAKE })).status).toBe(200)
  })

  test('the sessions and API keys of one user share theirs, whatever they may do', async () => {
    const ways = [
      { sessionId: 's1', tokenId: 't1' },
      { sessionId: 's2', tokenId: 't2', roles: ['admin'] },
      { apiKeyId: 'a1', scopes: ['orders'] },
    ]
    const texts = new Set<string>()
    for (const caller of ways) {
      texts.add((await server.send('orders.make', { key: 'k', body: MAKE, caller })).text)
    }
    expect(texts.size).toBe(1)
    expect(await server.orders()).toBe(1)
  })
})

test('after COMMIT_UNKNOWN the same key tells whether it has happened', async () => {
  for (const [moment, isThere] of [
    ['answered', true],
    ['before', false],
  ] as const) {
    server.proxy.cutNext({ at: /^commit$/, moment })
    const sent = { key: `cut ${moment}`, body: MAKE }
    const unknown = await server.send('orders.make', sent)
    expect([unknown.status, errorOf(unknown).reason]).toEqual([503, 'COMMIT_UNKNOWN'])
    const told = await server.send('orders.make', sent)
    expect([told.status, isReplay(told)]).toEqual([200, isThere])
  }
  expect(await server.orders()).toBe(2)
})

test('a handler that runs again for a rival claims its key again, and invalidates once', async () => {
  const client = server.clientAs({ userId: 'anna' })
  const count = () => client.orders.count.query()
  /** Asks until the answer is one that is kept. */
  const kept = async () => {
    const isHit = async () => {
      await count()
      return server.logs.findLast((line) => line.procedure === 'orders.count')?.cache
    }
    await expect.poll(isHit, { timeout: 10_000 }).toBe('hit')
    return count()
  }
  expect(await kept()).toBe(0)
  const before = attempts.count
  const first = await server.send('orders.contend', { key: 'k', body: '' })
  expect([first.status, attempts.count - before]).toEqual([200, 3])
  expect([await server.orders(), await server.outcomes()]).toEqual([1, 1])
  expect(await kept()).toBe(1)
  // A replay changes nothing, so that what is kept stays.
  await server.ask(`insert into "order" values ('unseen', 'nobody')`)
  const again = await server.send('orders.contend', { key: 'k', body: '' })
  expect([isReplay(again), again.text]).toEqual([true, first.text])
  expect([attempts.count - before, await count()]).toEqual([3, 1])
})

test('rivals of one key take no place of those that the procedure’s concurrency gives', async () => {
  onTestFinished(() => halfway.letGo())
  const slow = { key: 'slow', body: '{"json":{"amount":1,"note":"wait"}}' }
  const calls = [server.send('orders.make', slow)]
  await halfway.met(1)
  for (let n = 0; n < 10; n++) calls.push(server.send('orders.make', slow))
  const waiting = () => server.app.metrics.snapshot().gauges.idempotency_waiting
  await expect.poll(waiting).toBe(10)
  // It runs two at a time and lets nobody wait: there is room for this one alone.
  expect((await server.send('orders.make', { key: 'quick', body: MAKE })).status).toBe(200)
  halfway.letGo()
  const answers = await Promise.all(calls)
  expect(answers.map(({ status }) => status)).toEqual(Array(11).fill(200))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(await server.orders()).toBe(2)
})

test('rivals of one key take no place of those that the process has under load', async () => {
  await using busy = await startKeyedServer({ admission: { maxRunning: 4, maxQueued: 100 } })
  onTestFinished(() => halfway.letGo())
  const slow = { key: 'slow', body: '{"json":{"amount":1,"note":"wait"}}' }
  const calls = Array.from({ length: 30 }, () => busy.send('orders.make', slow))
  const waiting = () => busy.app.metrics.snapshot().gauges.idempotency_waiting
  await expect.poll(waiting).toBe(29)
  expect((await busy.send('orders.make', { key: 'quick', body: MAKE })).status).toBe(200)
  halfway.letGo()
  const answers = await Promise.all(calls)
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  // Each rival comes in a second time, to look at what has become of its key.
  const { counters } = busy.app.metrics.snapshot()
  expect(counters['admission_total{priority="normal",outcome="admitted"}']).toBe(30 + 29 + 1)
  const running = () => busy.app.metrics.snapshot().gauges.admission_running
  await expect.poll(running).toBe(0)
})

describe('a declaration that cannot be kept stops the start', () => {
  const ping = { summary: 'Pings.', output: z.literal('pong'), run: async () => 'pong' as const }
  const start = (feature: Parameters<typeof defineApp>[0]['features'][string]['router']) =>
    defineApp({ ...keyedApp, features: { thing: { router: feature } } })
  const cases: [string, MutationPolicy, string][] = [
    ['for nobody in particular', { allow: 'public', idempotent: 'optional' }, 'needs a caller'],
    [
      'without a transaction',
      { allow: 'user', idempotent: 'required', transaction: 'none' },
      'keeps the outcome in the transaction',
    ],
  ]
  test.each(cases)('%s', (_, policy, sentence) => {
    expect(() => start({ ping: mutation({ ...ping, policy }) })).toThrow(sentence)
  })

  test('of a query', () => {
    const policy: MutationPolicy = { allow: 'user', idempotent: 'optional' }
    // Types refuse it where it is written; this is for what comes past them.
    expect(() => start({ ping: query({ ...ping, policy: { ...policy } }) })).toThrow(
      'policy.idempotent is for mutations',
    )
  })
})

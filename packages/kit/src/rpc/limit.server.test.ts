import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Principal } from '../resources.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { hasRedisServer, startTestRedis } from '../testing/test-redis.ts'
import { behindProxy, limitApp, ran, withLimit } from './limit-app.fixture.ts'
import { createLimitCalls, outcomesOf, type LimitCalls } from './limit-calls.fixture.ts'
import { errorOf, type RawAnswer } from './raw-call.fixture.ts'

const hasRedis = await hasRedisServer()

let users = 0
/** A caller who has called nothing yet. */
const someone = (more: Partial<Principal> = {}): Principal => ({
  userId: `user-${++users}`,
  roles: [],
  scopes: [],
  ...more,
})

const isOk = ({ status }: RawAnswer) => status === 200

describe.for(hasRedis ? ['none', 'real'] : ['none'])('limits with redis: %s', (redis) => {
  const stack = new AsyncDisposableStack()
  let server: TestServer<typeof limitApp>
  let calls: LimitCalls
  beforeAll(async () => {
    const url = redis === 'real' ? stack.use(await startTestRedis()).url : undefined
    // Patient: a machine under load is no Redis that is away.
    const patient = url === undefined ? undefined : { url, keyPrefix: 'test:', timeoutMs: 5_000 }
    server = stack.use(
      await startTestServer(limitApp, { config: { http: behindProxy, redis: patient } }),
    )
    calls = createLimitCalls(server.url)
  })
  afterAll(() => stack.disposeAsync())

  /** How many of so many calls, one after the other, are answered. */
  async function answered(count: number, call: () => Promise<RawAnswer>): Promise<number> {
    let ok = 0
    for (let n = 0; n < count; n++) ok += isOk(await call()) ? 1 : 0
    return ok
  }

  test('a named limit is one for all procedures that name it, and each caller has their own', async () => {
    const [anna, berta] = [someone(), someone()]
    expect(await answered(2, () => calls.read('few', { as: anna }))).toBe(2)
    expect(await answered(2, () => calls.read('fewToo', { as: anna }))).toBe(1)
    expect(await answered(4, () => calls.read('few', { as: berta }))).toBe(3)
    expect(await answered(9, () => calls.read('free', { as: anna }))).toBe(9)
  })

  test('a limit of its own is the procedure’s alone, and bears its name', async () => {
    const anna = someone()
    const first = await calls.read('quick', { as: anna })
    expect(first.headers.get('ratelimit-policy')).toBe('"limited_quick";q=1;w=2')
    expect(isOk(await calls.read('quick', { as: anna }))).toBe(false)
    const both = await calls.read('ownTwice', { as: anna })
    expect(both.headers.get('ratelimit-policy')).toBe(
      '"limited_ownTwice";q=5;w=3600, "limited_ownTwice_2";q=2;w=3600',
    )
  })

  test('a call that one of several limits refuses costs nothing at the others', async () => {
    const anna = someone()
    expect(await answered(5, () => calls.read('fewAndOwn', { as: anna }))).toBe(1)
    expect(await answered(5, () => calls.read('few', { as: anna }))).toBe(2) // three, less the one
  })

  test('an answer says what is left, and a refusal when to come again', async () => {
    const anna = someone()
    const first = await calls.read('few', { as: anna })
    expect(first.status).toBe(200)
    expect(first.headers.get('ratelimit-policy')).toBe('"few";q=3;w=3600')
    expect(first.headers.get('ratelimit')).toMatch(/^"few";r=2;t=(1200|1201)$/)
    expect(first.headers.has('retry-after')).toBe(false)
    await answered(2, () => calls.read('few', { as: anna }))
    const refused = await calls.read('few', { as: anna })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit')).toMatch(/^"few";r=0;t=3\d{3}$/)
    const { reason, retryable, retryAfterMs = 0 } = errorOf(refused)
    expect({ reason, retryable }).toEqual({ reason: 'RATE_LIMITED', retryable: true })
    expect(retryAfterMs).toBeGreaterThan(1_100_000)
    expect(retryAfterMs).toBeLessThanOrEqual(1_200_000)
    expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1_000)))
    const free = await calls.read('free', { as: anna })
    expect(free.headers.has('ratelimit')).toBe(false)
  })

  test('who waits as long as the refusal says is admitted, however often they asked in vain', async () => {
    const anna = someone()
    await calls.read('quick', { as: anna })
    expect(await answered(20, () => calls.read('quick', { as: anna }))).toBe(0)
    const { retryAfterMs = Infinity } = errorOf(await calls.read('quick', { as: anna }))
    expect(retryAfterMs).toBeLessThanOrEqual(2_000)
    await expect
      .poll(async () => (await calls.read('quick', { as: anna })).status, { timeout: 10_000 })
      .toBe(200)
  })

  test('each call of a batch is charged, and those that are left over are refused by themselves', async () => {
    const anna = someone()
    const mixed = await calls.batch(['few', 'free', 'few', 'few', 'few', 'free'], { as: anna })
    expect(mixed.status).toBe(207)
    expect(outcomesOf(mixed).toSorted()).toEqual(
      ['RATE_LIMITED', 'free', 'free', 'read', 'read', 'read'].toSorted(),
    )
    expect(mixed.headers.get('ratelimit')).toMatch(/^"few";r=0;/)
    expect(mixed.headers.has('retry-after')).toBe(false) // not all of it was refused
    const refused = await calls.batch(['few', 'few'], { as: anna })
    expect(refused.status).toBe(429)
    expect(outcomesOf(refused)).toEqual(['RATE_LIMITED', 'RATE_LIMITED'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1_000)
  })

  test('the headers of a streamed batch leave before its calls, so their errors alone tell of limits', async () => {
    const anna = someone()
    const streamed = await calls.batch(['few', 'few', 'few', 'few'], { as: anna, stream: true })
    expect(streamed.status).toBe(200)
    expect(streamed.headers.has('ratelimit')).toBe(false)
    expect(streamed.text.match(/"reason":"RATE_LIMITED"/g)).toHaveLength(1)
    expect(streamed.text).toMatch(/"retryAfterMs":1[12]\d{5}\b/)
    expect(streamed.text.match(/"read"/g)).toHaveLength(3)
  })

  test('a subscription is charged when it begins', async () => {
    const anna = someone()
    const opened = await calls.read('ticks', { as: anna })
    expect(opened.text).toContain('"n":1')
    await answered(2, () => calls.read('few', { as: anna }))
    const refused = await calls.read('ticks', { as: anna })
    expect(refused.text).not.toContain('"n":1')
    expect(refused.text).toContain('"reason":"RATE_LIMITED"')
    expect(refused.text).toMatch(/"retryAfterMs":1[12]\d{5}\b/)
  })

  test('a cost in units is taken before the input is read', async () => {
    const anna = someone()
    expect(await answered(4, () => calls.read('costly', { as: anna }))).toBe(2) // of ten, by four
    const berta = someone()
    const wrong = await calls.write('byNumber', { as: berta, input: { rows: 'none' } })
    expect(errorOf(wrong).reason).toBe('BAD_INPUT')
    expect(wrong.headers.get('ratelimit')).toMatch(/^"ten";r=7;/)
  })

  test('a cost by the input is taken when that is known to be good', async () => {
    const anna = someone()
    const rows = (count: number) => ({ as: anna, input: { rows: Array(count).fill(1) } })
    const wrong = await calls.write('byInput', { as: anna, input: { rows: ['x'] } })
    expect(errorOf(wrong).reason).toBe('BAD_INPUT')
    expect(wrong.headers.has('ratelimit')).toBe(false)
    expect(isOk(await calls.write('byInput', rows(8)))).toBe(true)
    const refused = await calls.write('byInput', rows(3))
    expect(errorOf(refused).reason).toBe('RATE_LIMITED')
    expect(refused.headers.get('ratelimit')).toMatch(/^"ten";r=2;/)
    expect(isOk(await calls.write('byInput', rows(2)))).toBe(true)
    expect(ran.filter((userId) => userId === anna.userId)).toHaveLength(2)
  })

  test('a cost of nothing is free, and one that is no count is a mistake of the backend', async () => {
    const anna = someone()
    const units = (count: number) => ({ as: anna, input: { units: count } })
    expect(isOk(await calls.write('byUnits', units(10)))).toBe(true)
    const free = await calls.write('byUnits', units(0))
    expect([isOk(free), free.headers.has('ratelimit')]).toEqual([true, false])
    for (const count of [-1, 1.5]) {
      expect(errorOf(await calls.write('byUnits', units(count))).reason).toBe('INTERNAL')
    }
    expect(errorOf(await calls.write('byUnits', units(1))).reason).toBe('RATE_LIMITED')
  })

  test('what no bucket ever holds is bad input, and costs nothing', async () => {
    const anna = someone()
    const rows = Array(11).fill(1)
    const refused = await calls.write('byInput', { as: anna, input: { rows } })
    expect(refused.status).toBe(400)
    expect(errorOf(refused)).toMatchObject({
      reason: 'BAD_INPUT',
      retryable: false,
      issues: [{ code: 'too_costly' }],
    })
    expect(refused.headers.get('ratelimit')).toMatch(/^"ten";r=10;/)
  })

  test('nobody is their address, IPv6 by its /64, and what they claim to come from is not read', async () => {
    const from = (address: string) => () => calls.read('byCallerOrAddress', { address })
    expect(await answered(5, from('198.51.100.7'))).toBe(3)
    expect(await answered(5, from('198.51.100.8'))).toBe(3)
    let forged = 0
    expect(await answered(5, () => from(`192.0.2.${++forged}, 198.51.100.9`)())).toBe(3)
    let host = 0
    expect(await answered(5, () => from(`2001:db8:1:2:${(++host).toString(16)}::1`)())).toBe(3)
    expect(await answered(5, from('2001:db8:1:3::1'))).toBe(3)
    const anna = someone()
    const asAnna = () => calls.read('byCallerOrAddress', { as: anna, address: '198.51.100.7' })
    expect(await answered(5, asAnna)).toBe(3) // she is herself there
  })

  test('a limit by address is one for all who come from there', async () => {
    const as = () => calls.read('byAddress', { as: someone(), address: '203.0.113.1' })
    expect(await answered(4, as)).toBe(2)
  })

  test('a limit by tenant is one for all of its callers', async () => {
    const of = (tenantId: string) => () => calls.read('byTenant', { as: someone({ tenantId }) })
    expect(await answered(5, of(`acme-${redis}`))).toBe(3)
    expect(await answered(5, of(`other-${redis}`))).toBe(3)
  })

  test('who may not call is told so, and charged to nobody', async () => {
    const address = '203.0.113.2'
    for (let n = 0; n < 5; n++) {
      const refused = await calls.read('few', { address })
      expect(refused.status).toBe(401)
      expect(refused.headers.has('ratelimit')).toBe(false)
    }
    expect(await answered(5, () => calls.read('byCallerOrAddress', { address }))).toBe(3)
  })
})

test('limits that cannot be kept stop the start', () => {
  const windowMs = 1_000
  expect(() => withLimit('reeds', { reads: { amount: 1, windowMs, by: 'caller' } })).toThrow(
    'probe.read: there is no limit reeds in the app’s limits',
  )
  expect(() => withLimit('reads', { reads: { amount: 0, windowMs, by: 'caller' } })).toThrow(
    'limits: reads: amount is no whole number from 1 on',
  )
  expect(() => withLimit({ amount: 1, windowMs: 0, by: 'caller' })).toThrow(
    'probe.read: policy.limit: probe_read: windowMs is no whole number from 1 on',
  )
  const reads = { amount: 1, windowMs, by: 'caller' } as const
  expect(() => withLimit(['reads', 'reads'], { reads })).toThrow(
    'probe.read: policy.limit takes from reads twice',
  )
  expect(() => withLimit(['probe_read', reads], { probe_read: reads })).not.toThrow()
  expect(() => withLimit([reads, 'probe_read'], { probe_read: reads })).toThrow(
    'probe.read: policy.limit takes from probe_read twice',
  )
})

test('a cost that a full bucket could not pay stops the start', () => {
  const limits = { few: { amount: 5, windowMs: 1_000, burst: 3, by: 'caller' } } as const
  expect(() => withLimit('few', limits, { cost: 4 })).toThrow(
    'probe.read: policy.cost is more than few ever admits, which is 3',
  )
  expect(() => withLimit('few', limits, { cost: 3 })).not.toThrow()
  const own = { amount: 2, windowMs: 1_000, by: 'caller' } as const
  expect(() => withLimit(['few', own], limits, { cost: 3 })).toThrow('its own limit ever admits')
})

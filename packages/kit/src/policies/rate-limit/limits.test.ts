import { expect, test } from 'vitest'

import { rateLimit, rateLimitPolicy, retryAfter } from './headers.ts'
import { chargeOf, checkLimits, type LimitRule, type Payer } from './limits.ts'
import { networkOf } from './network.ts'

const rule = (by: LimitRule['by']): LimitRule => ({ amount: 600, windowMs: 60_000, by })

function bucketOf(by: LimitRule['by'], payer: Partial<Payer> = {}): string {
  const whole = { principal: null, address: '192.0.2.1', ...payer }
  return chargeOf({ name: 'reads', rule: rule(by) }, whole, 1).key
}

const anna = { userId: 'anna', tenantId: 'acme' }

test('a caller is who they are, wherever they call from', () => {
  const [here, there] = ['192.0.2.1', '192.0.2.2'].map((address) =>
    bucketOf('caller', { principal: anna, address }),
  )
  expect(here).toBe(there)
  const others = [
    { userId: 'berta', tenantId: 'acme' },
    { userId: 'anna', tenantId: 'other' },
    { userId: 'anna' },
    { userId: 'acme', tenantId: 'anna' },
    { userId: 'anna', tenantId: 'acme', issuer: 'https://login.example.com' },
    null,
  ]
  const keys = others.map((principal) => bucketOf('caller', { principal }))
  expect(new Set([here, ...keys]).size).toBe(others.length + 1)
})

test('a caller who is nobody is their address', () => {
  expect(bucketOf('caller')).toBe(bucketOf('address'))
  expect(bucketOf('tenant')).toBe(bucketOf('address'))
  expect(bucketOf('caller', { address: '192.0.2.2' })).not.toBe(bucketOf('caller'))
  expect(bucketOf('address', { principal: anna })).toBe(bucketOf('address'))
})

test('nobody gets into the bucket of another by what they are called', () => {
  const user = { userId: '192.0.2.1' }
  expect(bucketOf('caller', { principal: user })).not.toBe(bucketOf('address'))
  const odd = [
    { userId: 'b', tenantId: 'a","x' },
    { userId: 'x","b', tenantId: 'a' },
  ]
  const keys = odd.map((principal) => bucketOf('caller', { principal }))
  expect(keys[0]).not.toBe(keys[1])
  const tenant = bucketOf('tenant', { principal: anna })
  expect(tenant).not.toBe(bucketOf('caller', { principal: { userId: 'acme' } }))
})

test('a tenant has one bucket for all of its callers', () => {
  const [one, other] = ['anna', 'berta'].map((userId) =>
    bucketOf('tenant', { principal: { userId, tenantId: 'acme' } }),
  )
  expect(one).toBe(other)
  expect(bucketOf('tenant', { principal: { userId: 'anna' } })).toBe(
    bucketOf('caller', { principal: { userId: 'anna' } }),
  )
})

test('a key stays short, however long a name is', () => {
  const keys = ['x', 'y'].map((last) =>
    bucketOf('caller', { principal: { userId: 'u'.repeat(10_000) + last } }),
  )
  expect(keys[0]?.length).toBeLessThan(130)
  expect(keys[0]).not.toBe(keys[1])
})

test('an IPv6 address counts as its /64, an IPv4 address as itself', () => {
  const networks = {
    '192.0.2.1': '192.0.2.1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8:1:2::1': '2001:db8:1:2::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '2001:db8:0:0:1::': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    '1::2:3:4:5': '1:0:0:0::/64',
    '': '',
  }
  for (const [address, network] of Object.entries(networks)) {
    expect(networkOf(address)).toBe(network)
  }
})

test('limits that make no sense are told at the start, all at once', () => {
  checkLimits({ reads: rule('caller'), 'log-in': { ...rule('address'), burst: 5 } })
  const wrong = () =>
    checkLimits({
      'sp ace': rule('caller'),
      none: { ...rule('caller'), amount: 0 },
      half: { ...rule('caller'), windowMs: 0.5 },
      minus: { ...rule('caller'), burst: -1 },
      huge: { ...rule('caller'), amount: 1e9, windowMs: 1_000 },
    })
  expect(wrong).toThrow(
    /sp ace: .*\nnone: amount.*\nhalf: windowMs.*\nminus: burst.*\nhuge: amount/s,
  )
})

test('headers are as the draft has them, one item for each limit', () => {
  const limits = [
    { name: 'reads', rate: { amount: 600, windowMs: 60_000 } },
    { name: 'log-in', rate: { amount: 5, windowMs: 1_500 } },
  ]
  expect(rateLimitPolicy(limits)).toBe('"reads";q=600;w=60, "log-in";q=5;w=2')
  const states = [
    { name: 'reads', limit: 600, remaining: 12, resetMs: 2_001 },
    { name: 'log-in', limit: 5, remaining: 0, resetMs: 0 },
  ]
  expect(rateLimit(states)).toBe('"reads";r=12;t=3, "log-in";r=0;t=0')
  expect([0, 1, 1_000, 1_001].map(retryAfter)).toEqual(['1', '1', '1', '2'])
})

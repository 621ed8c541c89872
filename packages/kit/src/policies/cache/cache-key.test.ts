import fc from 'fast-check'
import { expect, test } from 'vitest'

import { cacheKey, type CacheCaller, type CacheKeyParts } from './cache-key.ts'

const anna: CacheCaller = {
  issuer: 'https://one.test',
  tenantId: 'north',
  userId: 'anna',
  roles: ['editor', 'reader'],
  scopes: ['items:read'],
}

const keyOf = (changes: Partial<CacheKeyParts> = {}) =>
  cacheKey({
    procedure: 'items.byId',
    buildId: '1',
    input: { id: 1 },
    scope: 'caller',
    caller: anna,
    ...changes,
  })

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, field]) => [name, shuffled(field)]),
  )
}

test('the order of fields does not count, and nothing else is equal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      expect(keyOf({ input: shuffled(one) })).toBe(keyOf({ input: one }))
      const equal = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
      fc.pre(!equal && !JSON.stringify([one, other]).includes('-0'))
      expect(keyOf({ input: one })).not.toBe(keyOf({ input: other }))
    }),
  )
})

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, sorted(field), 'of an object'])
}

test('values of different types have different keys', () => {
  const at = new Date(5)
  const inputs = [
    5,
    5n,
    '5',
    '5n',
    at,
    at.toISOString(),
    at.getTime() + 1,
    `date(5)`,
    [5],
    { 0: 5 },
    null,
    undefined,
    'null',
    'undefined',
    true,
    'true',
    {},
    [],
    [undefined],
    { a: undefined },
    new Set([5]),
    new Map([[5, 5]]),
    new Uint8Array([5]),
    Number.NaN,
    0,
    -0,
  ]
  expect(new Set(inputs.map((input) => keyOf({ input }))).size).toBe(inputs.length)
})

test('a procedure, a build and each part of a caller that may count change the key', () => {
  const others: Partial<CacheKeyParts>[] = [
    {},
    { procedure: 'items.list' },
    { buildId: '2' },
    { caller: null },
    { caller: { ...anna, userId: 'berta' } },
    { caller: { ...anna, issuer: 'https://two.test' } },
    { caller: { ...anna, tenantId: 'south' } },
    { caller: { ...anna, tenantId: undefined } },
    { caller: { ...anna, roles: ['reader'] } },
    { caller: { ...anna, scopes: [] } },
    { caller: { ...anna, roles: ['editor', 'reader', 'items:read'], scopes: [] } },
    { scope: 'tenant' },
    { scope: 'public' },
  ]
  expect(new Set(others.map(keyOf)).size).toBe(others.length)
})

test('the order of roles and scopes does not count', () => {
  const caller = { ...anna, roles: ['reader', 'editor', 'reader'] }
  expect(keyOf({ caller })).toBe(keyOf())
})

test('a tenant shares its answers among callers with the same rights, and has none to share without one', () => {
  const of = (caller: CacheCaller) => keyOf({ scope: 'tenant', caller })
  expect(of({ ...anna, userId: 'berta' })).toBe(of(anna))
  expect(of({ ...anna, userId: 'berta', roles: [] })).not.toBe(of(anna))
  expect(of({ ...anna, tenantId: undefined })).not.toBe(
    of({ ...anna, userId: 'berta', tenantId: undefined }),
  )
  expect(of({ ...anna, tenantId: undefined })).not.toBe(of({ ...anna, tenantId: 'anna' }))
})

test('what is public is the same for everybody', () => {
  expect(keyOf({ scope: 'public', caller: null })).toBe(keyOf({ scope: 'public' }))
})

test('what cannot be told apart cannot be a key', () => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  for (const input of [loop, { at: /a/ }, () => 1, Symbol('a')]) {
    expect(() => keyOf({ input })).toThrow(TypeError)
  }
})

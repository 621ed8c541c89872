import { expect, test } from 'vitest'

import { createAddressGuard } from './address-guard.ts'

const PORTS = [80, 443]

const guarded = (
  allow: readonly string[],
  ...[hostname, address, port]: [string, string, number]
) => createAddressGuard({ allow, ports: PORTS })({ hostname, address, port })

test('public addresses may be called at the usual ports, whatever their name', () => {
  expect(guarded([], 'example.com', '8.8.8.8', 443)).toBe(true)
  expect(guarded([], '8.8.8.8', '8.8.8.8', 80)).toBe(true)
  expect(guarded([], 'example.com', '8.8.8.8', 6379)).toBe(false)
  expect(guarded([], 'example.com', '10.0.0.1', 443)).toBe(false)
})

test('an address with a port allows that port, also under a name and in another spelling', () => {
  const allow = ['127.0.0.1:4001', '[0:0::1]:4002']
  expect(guarded(allow, 'local.example', '127.0.0.1', 4001)).toBe(true)
  expect(guarded(allow, '::1', '::1', 4002)).toBe(true)
  expect(guarded(allow, '127.0.0.1', '127.0.0.1', 4002)).toBe(false)
  expect(guarded(allow, '127.0.0.2', '127.0.0.2', 4001)).toBe(false)
  expect(guarded(allow, '::ffff:127.0.0.1', '::ffff:127.0.0.1', 4001)).toBe(false)
})

test('a name with a port allows that name alone, wherever it leads', () => {
  const allow = ['Billing.internal:8080']
  expect(guarded(allow, 'billing.internal', '10.9.9.9', 8080)).toBe(true)
  expect(guarded(allow, 'billing.internal', '10.9.9.9', 80)).toBe(false)
  expect(guarded(allow, 'other.internal', '10.9.9.9', 8080)).toBe(false)
})

test('a network allows every port of its addresses', () => {
  expect(guarded(['10.2.0.0/16'], 'a', '10.2.3.4', 9000)).toBe(true)
  expect(guarded(['10.2.0.0/16'], 'a', '10.3.3.4', 9000)).toBe(false)
  expect(guarded(['fd00:2::/32'], 'a', 'fd00:2::1', 9000)).toBe(true)
})

test('an entry that cannot be read is told at once', () => {
  for (const entry of ['', '10.0.0.1', 'name', 'name:0', 'name:70000', '10.0.0.0/40', 'a b:1']) {
    expect(() => createAddressGuard({ allow: [entry], ports: PORTS })).toThrow('neither')
  }
})

import { expect, test } from 'vitest'

import { BELIEVED_MS, createLockoutMemory, MAX_REMEMBERED } from './lockout-memory.ts'
import { networkOf } from './lockout-subject.ts'

const now = new Date('2026-01-01T00:00:00Z')
const after = (ms: number) => new Date(now.getTime() + ms)
const key = (n: number) => Buffer.from(`subject ${n}`)

test('a wait is believed for a second, and not beyond its end', () => {
  const memory = createLockoutMemory()
  memory.remember(key(1), after(60_000), now)
  memory.remember(key(2), after(10), now)
  expect(memory.blockedUntil(key(1), after(BELIEVED_MS - 1))).toEqual(after(60_000))
  expect(memory.blockedUntil(key(1), after(BELIEVED_MS))).toBeUndefined()
  expect(memory.blockedUntil(key(2), after(9))).toEqual(after(10))
  expect(memory.blockedUntil(key(2), after(10))).toBeUndefined()
  expect(memory.size).toBe(0)
})

test('no more than its bound is remembered, and the oldest goes first', () => {
  const memory = createLockoutMemory()
  for (let n = 0; n <= MAX_REMEMBERED; n++) memory.remember(key(n), after(60_000), now)
  expect(memory.size).toBe(MAX_REMEMBERED)
  expect(memory.blockedUntil(key(0), now)).toBeUndefined()
  expect(memory.blockedUntil(key(1), now)).toEqual(after(60_000))
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1:2:3::', '1:2:3:0::/64'],
  ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
  ['', ''],
])('the network of %j is %j', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

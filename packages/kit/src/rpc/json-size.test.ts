import { expect, test } from 'vitest'

import { isLargerThan } from './json-size.ts'

test.each([
  ['control characters', '\u0000\u001f'.repeat(20)],
  ['characters of three bytes', '漢'.repeat(20)],
  ['emoji, and half of one', '🧵\ud83e'.repeat(20)],
  ['quotes and backslashes', '"\\'.repeat(20)],
  ['the longest numbers', [-1.7976931348623157e308, -2.2250738585072014e-308, 0.1]],
  ['words', [true, false, null, null]],
  ['keys', { '\u0001\u0002': 1, 漢: { '"': '' } }],
  ['lists of nothing', [[[], {}], []]],
  ['one number', -1.7976931348623157e308],
  ['an empty text', ''],
])('a value of %s is measured to the byte', (_, value) => {
  const bytes = Buffer.byteLength(JSON.stringify(value))
  expect(isLargerThan(value, bytes)).toBe(false)
  expect(isLargerThan(value, bytes - 1)).toBe(true)
})

test('a value that is deeper than any stack is measured too', () => {
  let value: unknown = 'x'
  for (let depth = 0; depth < 100_000; depth++) value = [value]
  expect(isLargerThan(value, 10_000_000)).toBe(false)
})

test('nothing at all is not larger than anything', () => {
  expect(isLargerThan(undefined, 100)).toBe(false)
})

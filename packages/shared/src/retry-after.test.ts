import { expect, test } from 'vitest'

import { parseRetryAfter } from './retry-after.ts'

const nowMs = Date.parse('2026-11-22T12:00:00Z')

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Sun, 22 Nov 2026 12:00:05 GMT', 5_000],
  ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
])('%j is %j ms from now', (header, expected) => {
  expect(parseRetryAfter(header, nowMs)).toBe(expected)
})

import { expect, test } from 'vitest'

import { findLies, type Outcome } from './history.ts'

const ok: Outcome = { kind: 'ok' }
const failed: Outcome = { kind: 'failed', reason: 'UNAVAILABLE', retryable: true }
const unknown: Outcome = { kind: 'unknown', reason: 'COMMIT_UNKNOWN' }

const lies = (outcome: Outcome, count: number) =>
  findLies(new Map([['a', outcome]]), count > 0 ? new Map([['a', count]]) : new Map()).length

test('a success stands for one row, a failure for none, an unknown end for at most one', () => {
  expect([0, 1, 2].map((count) => lies(ok, count))).toEqual([1, 0, 1])
  expect([0, 1, 2].map((count) => lies(failed, count))).toEqual([0, 1, 1])
  expect([0, 1, 2].map((count) => lies(unknown, count))).toEqual([0, 0, 1])
})

test('a row that nobody asked for is a lie', () => {
  expect(findLies(new Map(), new Map([['b', 1]]))).toHaveLength(1)
})

import { expect, test } from 'vitest'
import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { settlementOf } from './attempt-outcome.ts'
import { task } from './definition.ts'

const HOUR_MS = 60 * 60_000

function delayAfter(retryAfterMs: number, capMs = 1): unknown {
  const made = task({
    name: 'test.hint',
    summary: 'A test.',
    input: z.void(),
    output: z.void(),
    retry: { limit: 1, baseMs: 1, capMs },
    run: async () => {},
  })
  const error = new Failure(commonErrors.UNAVAILABLE, { retryAfterMs })
  return settlementOf({ kind: 'failed', error }, made, { failures: 0 })
}

test.each([
  [2_000, 2_000],
  [Number.MAX_SAFE_INTEGER, HOUR_MS],
])('a hint to wait %d ms puts the retry off for %d ms', (hintMs, delayMs) => {
  expect(delayAfter(hintMs)).toMatchObject({ kind: 'retry', delayMs })
})

test('a task that waits for longer by itself takes longer hints', () => {
  expect(delayAfter(3 * HOUR_MS, 2 * HOUR_MS)).toMatchObject({ delayMs: 2 * HOUR_MS })
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1_000])('a hint of %d ms is none', (hintMs) => {
  expect(delayAfter(hintMs)).toMatchObject({ kind: 'retry', delayMs: 1 })
})

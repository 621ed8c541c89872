import { expect, test } from 'vitest'

import { createBreaker } from './breaker.ts'

/** What is left of a breaker after these results: `x` is a failure. */
function after(results: string) {
  const breaker = createBreaker()
  for (const result of results) breaker.record(result === 'x' ? 'failure' : 'success')
  return breaker
}

test('five failures in a row open the breaker, and four do not', () => {
  expect(after('xxxxx').isOpen).toBe(true)
  expect(after('...xxxxx').isOpen).toBe(true)
  expect(after('xxxx').isOpen).toBe(false)
  expect(after('xxxx.xxxx.').isOpen).toBe(false)
})

test('failures in half of the last twenty results open the breaker', () => {
  expect(after('.x'.repeat(10)).isOpen).toBe(true)
  expect(after('.x'.repeat(9)).isOpen).toBe(false)
  expect(after('..x'.repeat(40)).isOpen).toBe(false)
  expect(after('.'.repeat(100) + '.x'.repeat(10)).isOpen).toBe(true)
})

test('an open breaker stays open until its reset, which forgets what was', () => {
  const breaker = after('xxxxx')
  breaker.record('success')
  expect(breaker.isOpen).toBe(true)
  breaker.reset()
  expect(breaker.isOpen).toBe(false)
  for (let n = 0; n < 4; n++) breaker.record('failure')
  expect(breaker.isOpen).toBe(false)
})

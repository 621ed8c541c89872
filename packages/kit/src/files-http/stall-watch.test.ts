import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { watchStall } from './stall-watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MINUTE_MS = 60_000

/** After how many seconds somebody is given up who moves so much in each of them; 7,200 is never. */
function secondsUntilGivenUp(bytesPerSecond: number, oursMs = 0): number {
  const onStall = vi.fn<() => void>()
  const timeouts = { stallTimeoutMs: MINUTE_MS, slowTimeoutMs: 10 * MINUTE_MS }
  using watch = watchStall({ ...timeouts, onStall })
  for (let second = 0; second < 7_200; second++) {
    watch.begin()
    vi.advanceTimersByTime(1_000)
    if (onStall.mock.calls.length > 0) return second
    watch.end(bytesPerSecond)
    vi.advanceTimersByTime(oursMs) // they wait for us
  }
  return 7_200
}

test.each([
  ['moves nothing', 0, 60],
  ['moves next to nothing', 500, 60],
  ['is slow', 2_048, 640],
  ['is not much faster', 16_384, 1_200],
  ['is just fast enough', 32_768, 7_200],
])('who %s is given up when their time is over', (_, bytesPerSecond, seconds) => {
  expect(Math.abs(secondsUntilGivenUp(bytesPerSecond) - seconds)).toBeLessThanOrEqual(1)
})

test('no time goes by while they wait for us', () => {
  expect(Math.abs(secondsUntilGivenUp(0, 5_000) - 60)).toBeLessThanOrEqual(1)
})

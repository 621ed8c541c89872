import { expect, test } from 'vitest'

import { sleep } from '@tautline/shared'

import { startPressureGauge } from './pressure.ts'

const clock = {
  nowMs: 0,
  now() {
    return new Date(this.nowMs)
  },
}

function block(ms: number): void {
  const startedAt = performance.now()
  while (performance.now() - startedAt < ms);
}

test('the gauge tells a blocked event loop from a free one, by the second', async () => {
  const gauge = startPressureGauge(clock)
  await sleep(30)
  block(600)
  await sleep(30)
  expect(gauge.read().loopDelayMs).toBe(0) // the second is not over
  clock.nowMs += 1_000
  expect(gauge.read().loopDelayMs).toBeGreaterThan(500)
  await sleep(200)
  expect(gauge.read().loopDelayMs).toBeGreaterThan(500) // nor is this one
  clock.nowMs += 1_000
  expect(gauge.read().loopDelayMs).toBeLessThan(400)
  gauge.close()
})

test('the gauge tells the mean wait for a connection, and forgets it after a second', () => {
  const gauge = startPressureGauge(clock)
  for (const ms of [0, 200, 400]) gauge.countPoolWait(ms)
  clock.nowMs += 1_000
  expect(gauge.read().poolWaitMs).toBe(200)
  clock.nowMs += 1_000
  expect(gauge.read().poolWaitMs).toBe(0)
  gauge.close()
})

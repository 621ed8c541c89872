import { expect, test, vi } from 'vitest'

import { sleep } from '@tautline/shared'

import { createMetrics } from '../../platform/metrics.ts'
import { startPressureGauge } from './pressure.ts'

const clock = {
  nowMs: 0,
  now() {
    return new Date(this.nowMs)
  },
}

const startGauge = (metrics = createMetrics()) => startPressureGauge({ clock, metrics })

function block(ms: number): void {
  const startedAt = performance.now()
  while (performance.now() - startedAt < ms);
}

test('the gauge tells a blocked event loop from a free one, by the second', async () => {
  const gauge = startGauge()
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
  const gauge = startGauge()
  for (const ms of [0, 200, 400]) gauge.countPoolWait(ms)
  clock.nowMs += 1_000
  expect(gauge.read().poolWaitMs).toBe(200)
  clock.nowMs += 1_000
  expect(gauge.read().poolWaitMs).toBe(0)
  gauge.close()
})

test('a block of 200 ms is counted, also when nobody looks', async () => {
  const metrics = createMetrics()
  const gauge = startPressureGauge({ clock: { now: () => new Date() }, metrics })
  const blocks = () => metrics.snapshot().counters.event_loop_blocked_total ?? 0
  const lateS = () => metrics.snapshot().observed.event_loop_delay_seconds?.max ?? 0
  await sleep(30)
  block(200)
  await vi.waitUntil(() => blocks() > 0, { timeout: 5_000 })
  expect(lateS()).toBeGreaterThan(0.15)
  gauge.close()
})

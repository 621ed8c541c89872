import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createRinger, type Message } from './ringer.ts'

/** A ringer, and what it has told, by statements. */
function openRinger() {
  const metrics = createMetrics()
  const ringer = createRinger({ log: createLogger('silent'), metrics })
  const told: string[][] = []
  const tell = async (messages: readonly Message[]) =>
    void told.push(messages.map(({ channel, payload }) => `${channel} ${payload}`))
  return {
    ringer,
    metrics,
    told,
    tell,
    lost: () => metrics.snapshot().counters.db_rings_lost_total,
  }
}

test('what rings at the same time, and while others are told, goes together, each once', async () => {
  const { ringer, told, tell } = openRinger()
  const meanwhile = ['2', '3', '2', '3']
  ringer.use(async (messages) => {
    for (const payload of meanwhile.splice(0)) ringer.ring({ channel: 'a', payload })
    await tell(messages)
  })
  for (const payload of ['1', '2', '1']) ringer.ring({ channel: 'a', payload })
  ringer.ring({ channel: 'b', payload: '1' })
  await ringer.flush()
  expect(told).toEqual([
    ['a 1', 'a 2', 'b 1'],
    ['a 2', 'a 3'],
  ])
})

test('what rings while there is no connection waits for one', async () => {
  const { ringer, metrics, told, tell } = openRinger()
  ringer.ring({ channel: 'a', payload: '1' })
  ringer.ring({ channel: 'a', payload: '2' })
  await ringer.flush()
  expect([told, metrics.snapshot().gauges.db_rings_waiting]).toEqual([[], 2])
  ringer.use(tell)
  await ringer.flush()
  expect([told, metrics.snapshot().gauges.db_rings_waiting]).toEqual([[['a 1', 'a 2']], 0])
})

test('what could not be told is lost and counted, and what follows is told', async () => {
  const { ringer, told, tell, lost } = openRinger()
  ringer.use(() => Promise.reject(new Error('no')))
  ringer.ring({ channel: 'a', payload: '1' })
  await ringer.flush()
  expect([told, lost()]).toEqual([[], 1])
  ringer.use(tell)
  ringer.ring({ channel: 'a', payload: '2' })
  await ringer.flush()
  expect([told, lost()]).toEqual([[['a 2']], 1])
})

test('no more than a bound waits for a connection', () => {
  const { ringer, metrics, lost } = openRinger()
  for (let n = 0; n < 10_003; n++) ringer.ring({ channel: 'a', payload: String(n) })
  expect([metrics.snapshot().gauges.db_rings_waiting, lost()]).toEqual([10_000, 3])
})

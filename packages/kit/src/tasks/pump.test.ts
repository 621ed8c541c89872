import { setImmediate } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import type { Delivery } from './boss.ts'
import { createPump } from './pump.ts'

const name = 'report.make'
const log = createLogger('silent')

/** A queue whose fetches answer when the test says so, and attempts that end when it says so. */
function openQueue(concurrency: number) {
  const fetches: { wanted: number; answer: (jobs: number) => void; fail: () => void }[] = []
  const ends: (() => void)[] = []
  const givenBack: Delivery[] = []
  const pump = createPump({
    task: { name, concurrency },
    log,
    boss: {
      fetch(_, wanted) {
        const { promise, resolve, reject } = Promise.withResolvers<Delivery[]>()
        const answer = (jobs: number) =>
          resolve(Array.from({ length: jobs }, (_job, index) => deliveryOf(index)))
        fetches.push({ wanted, answer, fail: () => reject(new Error('away')) })
        return promise
      },
      giveBack: async (held) => void givenBack.push(...deliveriesOf(held)),
    },
    work: () => new Promise((resolve) => ends.push(resolve)),
  })
  const wanted = () => fetches.map((fetch) => fetch.wanted)
  /** The fetch of this number, once it is under way. */
  async function fetching(index: number) {
    await expect.poll(() => fetches.length).toBeGreaterThan(index)
    const fetch = fetches[index]
    if (!fetch) throw new Error('There is no such fetch.')
    return fetch
  }
  return { pump, fetching, ends, givenBack, wanted }
}

const deliveryOf = (index: number): Delivery => {
  return { name, jobId: String(index), taskId: String(index), retryCount: 0, attempt: 1 }
}
const deliveriesOf = (held: readonly { readonly jobId: string }[]) =>
  held.map(({ jobId }) => deliveryOf(Number(jobId)))

test('fetches as many as may run, and the next when there may be more', async () => {
  const { pump, fetching, ends, wanted } = openQueue(3)
  pump.wake()
  const first = await fetching(0)
  first.answer(3)
  await expect.poll(() => ends.length).toBe(3)
  expect(wanted()).toEqual([3])
  ends[0]?.()
  ends[1]?.()
  await expect.poll(wanted).toEqual([3, 2])
})

test('asks no more of a queue that was empty, until it is woken', async () => {
  const { pump, fetching, ends, wanted } = openQueue(2)
  pump.wake()
  const first = await fetching(0)
  first.answer(1)
  await expect.poll(() => ends.length).toBe(1)
  ends[0]?.()
  await setImmediate()
  await setImmediate()
  expect(wanted()).toEqual([2])
  pump.wake()
  await expect.poll(wanted).toEqual([2, 2])
})

test('a bell that rings during a fetch is not lost', async () => {
  const { pump, fetching, wanted } = openQueue(2)
  pump.wake()
  const first = await fetching(0)
  pump.wake()
  first.answer(0)
  await expect.poll(wanted).toEqual([2, 2])
})

test('a bell that rings while no place is free is not lost', async () => {
  const { pump, fetching, ends, wanted } = openQueue(1)
  pump.wake()
  const first = await fetching(0)
  first.answer(1)
  await expect.poll(() => ends.length).toBe(1)
  pump.wake()
  await setImmediate()
  expect(wanted()).toEqual([1])
  ends[0]?.()
  await expect.poll(wanted).toEqual([1, 1])
})

test('a fetch that fails is not tried again before something wakes it', async () => {
  const { pump, fetching, wanted } = openQueue(2)
  pump.wake()
  const first = await fetching(0)
  first.fail()
  await setImmediate()
  await setImmediate()
  expect(wanted()).toEqual([2])
  pump.wake()
  await expect.poll(wanted).toEqual([2, 2])
})

test('what a fetch brings after the stop is given back', async () => {
  const { pump, fetching, ends, givenBack, wanted } = openQueue(2)
  pump.wake()
  const first = await fetching(0)
  const stopped = pump.stop()
  first.answer(2)
  await stopped
  expect(ends).toEqual([])
  expect(givenBack).toEqual([deliveryOf(0), deliveryOf(1)])
  pump.wake()
  await setImmediate()
  expect(wanted()).toEqual([2])
})

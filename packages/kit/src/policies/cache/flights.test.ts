import { expect, test } from 'vitest'

import { createFlights } from './flights.ts'

const many = <T>(count: number, begin: (index: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: count }, (_, index) => begin(index)))

test('a thousand who ask for one key at once run its work once', async () => {
  const flights = createFlights<number>()
  let runs = 0
  const landed = await many(1_000, () => flights.join('a', async () => ++runs))
  expect(runs).toBe(1)
  const own = landed.filter((one) => one.status === 'fulfilled' && one.value.own)
  expect(own).toHaveLength(1)
  expect(flights.size).toBe(0)
})

test('when the first fails exactly one of the others tries, and its answer serves all', async () => {
  const flights = createFlights<string>()
  let [runs, running, most] = [0, 0, 0]
  const landed = await many(1_000, () =>
    flights.join('a', async () => {
      const run = ++runs
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
      if (run === 1) throw new Error('the first one fails')
      return 'answer'
    }),
  )
  expect([runs, most]).toEqual([2, 1])
  expect(landed.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(flights.size).toBe(0)
})

test('when the second fails too, all are told at once', async () => {
  const flights = createFlights<string>()
  let runs = 0
  const landed = await many(100, () =>
    flights.join('a', async () => {
      throw new Error(`failure ${++runs}`)
    }),
  )
  expect(runs).toBe(2)
  expect(landed.every(({ status }) => status === 'rejected')).toBe(true)
  expect(flights.size).toBe(0)
})

test('work goes on when the one who began it leaves, and ends when all have left', async () => {
  const flights = createFlights<string>()
  const work = Promise.withResolvers<string>()
  let given: AbortSignal | undefined
  const [first, second] = [new AbortController(), new AbortController()]
  const begin = (signal: AbortSignal) => {
    given = signal
    return work.promise
  }
  const one = flights.join('a', begin, first.signal)
  const other = flights.join('a', begin, second.signal)
  first.abort(new Error('the first one left'))
  await expect(one).rejects.toThrow('the first one left')
  expect(given?.aborted).toBe(false)
  second.abort(new Error('the second one left'))
  await expect(other).rejects.toThrow('the second one left')
  expect(given?.aborted).toBe(true)
  expect(flights.size).toBe(0)
  work.resolve('too late')
})

test('those who come after all have left do not join what was aborted', async () => {
  const flights = createFlights<string>()
  const leaving = new AbortController()
  const stuck = Promise.withResolvers<string>()
  const left = flights.join('a', () => stuck.promise, leaving.signal)
  leaving.abort(new Error('left'))
  await expect(left).rejects.toThrow('left')
  const after = flights.join('a', async () => 'new')
  stuck.reject(new Error('late failure of what was aborted'))
  expect(await after).toEqual({ result: 'new', own: true })
})

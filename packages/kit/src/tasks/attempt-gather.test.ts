import { expect, test } from 'vitest'

import { gather } from './attempt-gather.ts'

/** Batches that are answered when the test says so: each question by its double. */
function openGate(most: number) {
  const batches: { asked: readonly number[]; answer: () => void; fail: () => void }[] = []
  const ask = gather<number, number>({
    most,
    run(asked) {
      const { promise, resolve, reject } = Promise.withResolvers<number[]>()
      const answer = () => resolve(asked.map((question) => question * 2))
      batches.push({ asked, answer, fail: () => reject(new Error('away')) })
      return promise
    },
  })
  return { ask, batches, asked: () => batches.map((batch) => batch.asked) }
}

test('answers together what is asked at the same time, each its own', async () => {
  const { ask, batches, asked } = openGate(10)
  const answers = Promise.all([ask(1), ask(2), ask(3)])
  await expect.poll(asked).toEqual([[1, 2, 3]])
  batches[0]?.answer()
  expect(await answers).toEqual([2, 4, 6])
})

test('gathers what is asked while others are being answered, and no more than it may', async () => {
  const { ask, batches, asked } = openGate(2)
  const answers = [ask(1)]
  await expect.poll(asked).toEqual([[1]])
  answers.push(ask(2), ask(3), ask(4))
  batches[0]?.answer()
  await expect.poll(asked).toEqual([[1], [2, 3]])
  batches[1]?.answer()
  await expect.poll(asked).toEqual([[1], [2, 3], [4]])
  batches[2]?.answer()
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8])
})

test('tells all who asked together of an error, and goes on', async () => {
  const { ask, batches, asked } = openGate(10)
  const failing = Promise.allSettled([ask(1), ask(2)])
  await expect.poll(asked).toEqual([[1, 2]])
  batches[0]?.fail()
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const next = ask(3)
  await expect.poll(asked).toEqual([[1, 2], [3]])
  batches[1]?.answer()
  expect(await next).toBe(6)
})

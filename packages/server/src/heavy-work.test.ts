import { expect, test } from 'vitest'

import { heavyWork, MAX_WAITING, WORK_CORES } from './heavy-work.ts'

const signal = AbortSignal.timeout(10_000)

/** Takes all turns there are, until told to give them back. */
function takeAll() {
  const { promise, resolve } = Promise.withResolvers<void>()
  const working = Array.from({ length: WORK_CORES }, () => heavyWork.take(signal, () => promise))
  return async () => {
    resolve()
    await Promise.all(working)
  }
}

test('one core is left, and the others are given first come, first served', async () => {
  const giveBack = takeAll()
  const done: number[] = []
  const waiting = [1, 2, 3].map((nth) => heavyWork.take(signal, async () => void done.push(nth)))
  expect(done).toEqual([])
  await giveBack()
  await Promise.all(waiting)
  expect(done).toEqual([1, 2, 3])
})

test('a turn that ends while the next in line leaves goes to the one behind', async () => {
  const giveBack = takeAll()
  const leaving = new AbortController()
  const gone = heavyWork.take(leaving.signal, async () => 'done')
  const behind = heavyWork.take(signal, async () => 'done')
  const given = giveBack()
  leaving.abort(new Error('nobody waits'))
  await expect(gone).rejects.toThrow('nobody waits')
  expect(await behind).toBe('done')
  await given
})

test('more than may wait is refused, until one of those does', async () => {
  const giveBack = takeAll()
  const leaving = new AbortController()
  const gone = heavyWork.take(leaving.signal, async () => 'done')
  const waiting = Array.from({ length: MAX_WAITING - 1 }, () =>
    heavyWork.take(signal, async () => 'done'),
  )
  const refused = heavyWork.take(signal, async () => 'done')
  await expect(refused).rejects.toMatchObject({
    reason: 'OVERLOADED',
    details: { retryAfterMs: 2_000 },
  })
  leaving.abort(new Error('nobody waits'))
  await expect(gone).rejects.toThrow('nobody waits')
  const late = heavyWork.take(signal, async () => 'done')
  await giveBack()
  expect(await Promise.all([...waiting, late])).toEqual(Array(MAX_WAITING).fill('done'))
})

import { timed } from './statistics.ts'
import type { Side } from './tasks-sides.ts'

/** What is measured of a side, in tasks per second. */
export interface Rates {
  /** Accepted, with nobody who works. */
  readonly enqueue: number
  /** Executed, when all were there before. */
  readonly execute: number
  /** Executed while they are accepted, by the same process. */
  readonly both: number
}

/** One round of one side. */
export async function runRound(side: Side, count: number): Promise<Rates> {
  const enqueueMs = await timed(() => side.enqueue(count))
  const execution = countDown(count)
  const worker = await side.work(execution.note)
  const executeMs = await execution.lasted
  await worker[Symbol.asyncDispose]()

  const run = countDown(count)
  const other = await side.work(run.note)
  const beganAt = performance.now()
  await side.enqueue(count)
  await run.lasted
  const bothMs = performance.now() - beganAt
  await other[Symbol.asyncDispose]()
  const rate = (ms: number) => (count / ms) * 1_000
  return { enqueue: rate(enqueueMs), execute: rate(executeMs), both: rate(bothMs) }
}

/** Counts what begins. `lasted` is the time from the first to the last, in milliseconds. */
function countDown(count: number) {
  const { promise, resolve } = Promise.withResolvers<number>()
  let left = count
  let beganAt = 0
  return {
    lasted: promise,
    note: () => {
      if (left === count) beganAt = performance.now()
      if (--left === 0) resolve(performance.now() - beganAt)
    },
  }
}

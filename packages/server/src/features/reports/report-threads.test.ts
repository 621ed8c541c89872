import { readdir } from 'node:fs/promises'
import { getPriority } from 'node:os'

import { expect, test } from 'vitest'

import { createTurns } from '../../turns.ts'
import { computeReport, type ReportJob } from './compute-report.ts'
import { createReportThreads, type ReportThreadsOptions } from './report-threads.ts'
import { createStockCollector } from './stock.ts'

/** A job of so many items, whose prices repeat after `different`. */
function jobOf(items: number, different = items): ReportJob {
  const collector = createStockCollector()
  for (let at = 0; at < items; at++) {
    collector.add(BigInt((at % different) * ((at % different) + 7)), (at % 5) + 1)
  }
  return { kind: 'price', bands: 12, stock: collector.stock() }
}

const signal = AbortSignal.timeout(60_000)

/** One thread, and room for one report that waits for it. */
function oneThread(options: Pick<ReportThreadsOptions, 'maxHeapMb'> = {}) {
  const turns = createTurns({ atOnce: 1, waiting: 1 })
  return createReportThreads({ ...options, turns, maxThreads: 1 })
}

test('the threads make what would be made here, and the event loop goes on', async () => {
  const threads = oneThread()
  const job = jobOf(1_500)
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  const report = await threads.run(async () => job, signal)
  clearInterval(timer)
  expect(report).toEqual(computeReport(job))
  expect(report.bands).toHaveLength(12)
  expect(turns).toBeGreaterThan(10)
})

const threadsOfProcess = () => readdir('/proc/self/task')

/** By how much the threads give way that have begun since; one may just have ended. */
async function nicenessSince(before: readonly string[]): Promise<number[]> {
  const begun = (await threadsOfProcess()).filter((thread) => !before.includes(thread))
  return begun.flatMap((thread) => {
    try {
      return [getPriority(Number(thread))]
    } catch {
      return []
    }
  })
}

test.runIf(process.platform === 'linux')(
  'the threads give way to the one that answers',
  async () => {
    const before = await threadsOfProcess()
    const threads = oneThread()
    await threads.run(async () => jobOf(10), signal)
    expect(await nicenessSince(before)).toContain(Math.min(getPriority() + 10, 19))
  },
)

test('a report that nobody wants any more ends, and who waits has a thread', async () => {
  const threads = oneThread()
  await threads.run(async () => jobOf(10), signal) // now there is a thread, and it begins at once
  const stop = new AbortController()
  const unwanted = threads.run(async () => jobOf(400_000, 200_000), stop.signal)
  const next = threads.run(async () => jobOf(11), signal)
  setImmediate(() => stop.abort(new Error('nobody wants it')))
  await expect(unwanted).rejects.toThrow('nobody wants it')
  expect((await next).items).toBe(11)
})

test('who no longer waits for a thread is not kept one', async () => {
  const threads = oneThread()
  const [first, second] = [new AbortController(), new AbortController()]
  const under = threads.run(async () => jobOf(400_000, 200_000), first.signal)
  const waiting = threads.run(async () => jobOf(10), second.signal)
  second.abort(new Error('nobody waits'))
  await expect(waiting).rejects.toThrow('nobody waits')
  first.abort(new Error('nobody wants it'))
  await expect(under).rejects.toThrow('nobody wants it')
  expect((await threads.run(async () => jobOf(10), signal)).items).toBe(10)
})

test('a thread that cannot begin fails its report, and nothing else', async () => {
  const threads = oneThread({ maxHeapMb: 4 })
  for (const job of [jobOf(10), jobOf(11)]) {
    await expect(threads.run(async () => job, signal)).rejects.toMatchObject({
      code: 'ERR_WORKER_OUT_OF_MEMORY',
    })
  }
})

test('more than there is room for is refused, to come back later', async () => {
  const threads = oneThread()
  const stop = new AbortController()
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const error: unknown = await threads
        .run(async () => jobOf(6_000), AbortSignal.any([signal, stop.signal]))
        .catch((caught: unknown) => caught)
      stop.abort(new Error('stopped'))
      return error
    }),
  )
  expect(outcomes).toContainEqual(expect.objectContaining({ reason: 'OVERLOADED' }))
})

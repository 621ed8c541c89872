import { readdir } from 'node:fs/promises'
import { getPriority } from 'node:os'

import { expect, test } from 'vitest'

import { computeReport, type ReportJob } from './compute-report.ts'
import { createReportThreads } from './report-threads.ts'
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

test('the threads make what would be made here, and the event loop goes on', async () => {
  const threads = createReportThreads()
  const job = jobOf(1_500)
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  const report = await threads.run(job, signal)
  clearInterval(timer)
  expect(report).toEqual(computeReport(job))
  expect(report.bands).toHaveLength(12)
  expect(turns).toBeGreaterThan(10)
})

/** By how much each thread of this process gives way, where the system tells. */
async function niceness(): Promise<number[]> {
  const threads = await readdir('/proc/self/task')
  return threads.map((thread) => getPriority(Number(thread)))
}

test.runIf(process.platform === 'linux')(
  'the threads give way to the one that answers',
  async () => {
    const threads = createReportThreads({ maxThreads: 1 })
    await threads.run(jobOf(10), signal)
    expect(await niceness()).toContain(Math.min(getPriority() + 10, 19))
  },
)

test('a report that nobody wants any more ends, and who waits has a thread', async () => {
  const threads = createReportThreads({ maxThreads: 1 })
  await threads.run(jobOf(10), signal) // now there is a thread, and it begins at once
  const stop = new AbortController()
  const unwanted = threads.run(jobOf(400_000, 200_000), stop.signal)
  const next = threads.run(jobOf(11), signal)
  setImmediate(() => stop.abort(new Error('nobody wants it')))
  await expect(unwanted).rejects.toThrow('nobody wants it')
  expect((await next).items).toBe(11)
})

test('who no longer waits for a thread is not kept one', async () => {
  const threads = createReportThreads({ maxThreads: 1 })
  const [first, second] = [new AbortController(), new AbortController()]
  const under = threads.run(jobOf(400_000, 200_000), first.signal)
  const waiting = threads.run(jobOf(10), second.signal)
  second.abort(new Error('nobody waits'))
  await expect(waiting).rejects.toThrow('nobody waits')
  first.abort(new Error('nobody wants it'))
  await expect(under).rejects.toThrow('nobody wants it')
  expect((await threads.run(jobOf(10), signal)).items).toBe(10)
})

test('a thread that cannot begin fails its report, and nothing else', async () => {
  const threads = createReportThreads({ maxThreads: 1, maxHeapMb: 4 })
  for (const job of [jobOf(10), jobOf(11)]) {
    await expect(threads.run(job, signal)).rejects.toMatchObject({
      code: 'ERR_WORKER_OUT_OF_MEMORY',
    })
  }
})

test('more than there is room for is refused, to come back later', async () => {
  const threads = createReportThreads({ maxThreads: 1 })
  const stop = new AbortController()
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const error: unknown = await threads
        .run(jobOf(6_000), AbortSignal.any([signal, stop.signal]))
        .catch((caught: unknown) => caught)
      stop.abort(new Error('stopped'))
      return error
    }),
  )
  expect(outcomes).toContainEqual(expect.objectContaining({ reason: 'OVERLOADED' }))
})

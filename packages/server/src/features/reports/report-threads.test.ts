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

test('a report that nobody wants any more ends, and the next one has its thread', async () => {
  const threads = createReportThreads({ maxThreads: 1 })
  const stop = new AbortController()
  const unwanted = threads.run(jobOf(400_000, 200_000), stop.signal)
  const next = threads.run(jobOf(10), signal)
  setTimeout(() => stop.abort(new Error('nobody wants it')), 50)
  await expect(unwanted).rejects.toThrow('nobody wants it')
  expect((await next).items).toBe(10)
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

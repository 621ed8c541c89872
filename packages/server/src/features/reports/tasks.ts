import type { z } from 'zod'

import { Failure, task, type TaskContext } from '@tautline/kit'

import { heavyWork, WORK_CORES } from '../../heavy-work.ts'
import { REPORT_TOO_LARGE } from './errors.ts'
import { selectStock } from './queries.ts'
import { createReportThreads } from './report-threads.ts'
import { ComputeTaskInput, MAX_ITEMS, Report } from './schema.ts'
import { createStockCollector, type Stock } from './stock.ts'

/** Rows that the cursor brings at a time: what they take of the event loop is about a millisecond. */
const ROWS_AT_ONCE = 250

/** Longest report, in milliseconds. */
const TIMEOUT_MS = 5 * 60_000

const threads = createReportThreads({ turns: heavyWork })

export const computeTask = task({
  name: 'reports.compute',
  summary: 'Makes a report of the bands that the prices or values of items fall into.',
  input: ComputeTaskInput,
  output: Report,
  // Those that there is no thread for stay where they are, in the queue.
  concurrency: WORK_CORES,
  timeoutMs: TIMEOUT_MS,
  async run({ ctx, input }) {
    const { kind, bands } = input
    const read = async () => ({ kind, bands, stock: await readStock(ctx, input) })
    return threads.run(read, ctx.signal)
  },
})

/** All at one moment, by a cursor: the database is read as fast as it is taken. */
function readStock(
  ctx: Pick<TaskContext, 'read' | 'progress' | 'signal'>,
  { owner, from, to }: z.output<typeof ComputeTaskInput>,
): Promise<Stock> {
  return ctx.read(async (db) => {
    const collector = createStockCollector()
    const rows = selectStock(db, owner, { from, to }).stream(ROWS_AT_ONCE)
    for await (const { price_minor, quantity } of rows) {
      if (collector.size === MAX_ITEMS) {
        throw new Failure(REPORT_TOO_LARGE, { data: { maxItems: MAX_ITEMS } })
      }
      collector.add(price_minor, quantity)
      ctx.progress(collector.size)
    }
    return collector.stock()
  })
}

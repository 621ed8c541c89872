import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './accept-rows.ts'

const id = '00000000-0000-0000-0000-000000000001'
const jobId = '00000000-0000-0000-0000-000000000002'
const task = { id, name: 'report.make', owner: 'anna', input: '{}', jobId, priority: 0 }

/** One more than none: there is no queue here for the job. */
export const samples = samplesOf(queries, {
  addTask: [{ ...task, dedupeKey: 'Monday', delayMs: 0 }, 0],
})

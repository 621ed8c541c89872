import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './attempt-rows.ts'

const taskId = '00000000-0000-0000-0000-000000000001'
const jobId = '00000000-0000-0000-0000-000000000002'
const key = { taskId, attempt: 1 }

export const samples = samplesOf(queries, {
  findWhereabouts: [taskId],
  holdAttempt: [key],
  addEvents: [key, [{ type: 'custom', data: '{}' }]],
  writeProgress: [key, { current: 1, total: 2, message: 'half' }],
  findWishes: [[taskId]],
  requeueTask: [key, { failures: 1, jobId, error: 'Something went wrong.', delayMs: 1_000 }],
})

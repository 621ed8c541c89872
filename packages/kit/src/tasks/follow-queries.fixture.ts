import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './follow-queries.ts'

const taskId = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, {
  findWatched: [{ id: taskId, owner: 'anna' }],
  readEvents: [[{ taskId, after: 0 }], { events: 100, text: 1_000_000 }],
})

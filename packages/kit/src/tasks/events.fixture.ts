import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './events.ts'

const taskId = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, {
  appendEvent: [{ taskId, type: 'queued', data: {} }],
})

import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owner = 'anna'

export const samples = samplesOf(queries, {
  findTask: [{ id, owner }],
  listTasks: {
    'the first page': [{ owner, limit: 10 }],
    'another page': [{ owner, after: { createdAt: '2026-11-22', id }, limit: 10 }],
    'of a state and a name': [{ owner, state: 'queued', name: 'report.make', limit: 10 }],
  },
  listEvents: [{ id, owner, afterSeq: 0, limit: 100 }],
})

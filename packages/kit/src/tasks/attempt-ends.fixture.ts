import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './attempt-ends.ts'

const taskId = '00000000-0000-0000-0000-000000000001'
const jobId = '00000000-0000-0000-0000-000000000002'
const delivery = { name: 'report.make', taskId, jobId, retryCount: 0, attempt: 1 }
const end = { state: 'succeeded', output: '{}', failures: 0 } as const

export const samples = samplesOf(queries, {
  beginAttempts: {
    'one that others hold is left out': [[delivery], { waits: false }],
    'one that others hold is waited for': [[delivery], { waits: true }],
  },
  endTasks: [[{ delivery, end }], { waits: false }],
})

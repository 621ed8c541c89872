import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './boss-jobs.ts'

const job = { name: 'report.make', jobId: '00000000-0000-0000-0000-000000000001', retryCount: 0 }

export const samples = samplesOf(queries, {
  touchJobs: [[job]],
  findDue: [['report.make']],
  deleteWaiting: [job],
  releaseExpired: [100],
  releaseHeld: [[job]],
})

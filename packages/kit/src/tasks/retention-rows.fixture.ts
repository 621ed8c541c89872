import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './retention-rows.ts'

const ids = ['00000000-0000-0000-0000-000000000001']

export const samples = samplesOf(queries, {
  holdOutdated: [30 * 24 * 60 * 60_000, 50],
  deleteEvents: [ids, 1_000],
  deleteSteps: [ids, 1_000],
  deleteTasks: [ids],
})

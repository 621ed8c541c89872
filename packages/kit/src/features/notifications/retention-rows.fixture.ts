import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './retention-rows.ts'

export const samples = samplesOf(queries, {
  deleteRead: [1_000, 500],
  deleteUnread: [1_000, 500],
  deleteSome: { 'of an owner': ['anna', 500], 'in every tenant': [{ userId: 'anna' }, 500] },
  deleteCounter: { 'of an owner': ['anna'], 'in every tenant': [{ userId: 'anna' }] },
})

import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './expired-rows.ts'

export const samples = samplesOf(queries, {
  deleteExpired: {
    'counts of failures': ['tautline.login_attempt', new Date()],
    'requests to reset': ['tautline.password_reset', new Date()],
  },
})

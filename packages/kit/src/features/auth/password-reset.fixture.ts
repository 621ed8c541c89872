import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './password-reset.ts'

const now = new Date()

export const samples = samplesOf(queries, {
  openReset: ['anna@example.com', now],
  findReset: ['token', now],
  takeReset: ['token'],
  closeResetsOf: ['00000000-0000-0000-0000-000000000001'],
})

import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './steps-ledger.ts'

const step = { taskId: '00000000-0000-0000-0000-000000000001', attempt: 1, key: 'mail anna' }

export const samples = samplesOf(queries, {
  claimStep: { 'to report what is unknown': [step, false], 'to repeat it': [step, true] },
  endStep: [step, { state: 'done', output: '{}' }],
})

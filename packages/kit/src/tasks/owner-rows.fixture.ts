import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './owner-rows.ts'

const owner = '[null,null,"anna"]'

export const samples = samplesOf(queries, {
  giveUpTasks: {
    'held: wait': [{ owner, limit: 10, held: 'wait' }],
    'held: leave': [{ owner, limit: 10, held: 'leave' }],
    'in every tenant': [{ owner: { userId: 'anna' }, limit: 10, held: 'wait' }],
  },
})

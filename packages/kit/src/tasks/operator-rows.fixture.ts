import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './operator-rows.ts'

export const samples = samplesOf(queries, {
  listAllTasks: {
    'of any state': [{ state: undefined, limit: 100 }],
    'of those that ended': [{ state: 'dead', limit: 100 }],
    'of those that did not': [{ state: 'running', limit: 100 }],
  },
  findAnyTask: ['00000000-0000-0000-0000-000000000001'],
})

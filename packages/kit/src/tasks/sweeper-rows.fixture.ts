import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './sweeper-rows.ts'

const id = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, {
  deleteVainWishes: [],
  findLeftWishes: [200],
  isWorkedOn: [id],
  findForgotten: [['report.make'], 200],
  hasJob: [id],
})

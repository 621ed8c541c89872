import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './task-rows.ts'

const id = '00000000-0000-0000-0000-000000000001'
const jobId = '00000000-0000-0000-0000-000000000002'
const owner = 'anna'
const name = 'report.make'
const task = { id, name, owner, input: '{}', jobId, priority: 0, dedupeKey: 'Monday' }

export const samples = samplesOf(queries, {
  holdOwner: [owner],
  countUnfinished: [owner, 1_000],
  insertTask: [task, 1_000],
  findDuplicated: [{ name, owner, dedupeKey: 'Monday' }],
  holdFreeTask: [id],
  holdOwnTask: [{ id, owner }],
  holdFreeQueued: [{ id, owner }],
  findState: [{ id, owner }],
  hasFirstEvent: [id],
})

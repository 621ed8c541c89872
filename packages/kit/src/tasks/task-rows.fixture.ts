import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './task-rows.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owner = 'anna'
const name = 'report.make'

export const samples = samplesOf(queries, {
  holdOwner: [owner],
  countUnfinished: [owner, 1_000],
  findDuplicated: [{ name, owner, dedupeKey: 'Monday' }],
  holdFreeTask: [id],
  holdOwnTask: { 'of a user': [{ id, owner }], 'of the backend itself': [{ id, owner: null }] },
  holdFreeQueued: [{ id, owner }],
  findState: [{ id, owner }],
  hasFirstEvent: [id],
})

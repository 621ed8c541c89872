import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './task-rows-changes.ts'

const id = '00000000-0000-0000-0000-000000000001'
const jobId = '00000000-0000-0000-0000-000000000002'

const task = { id, name: 'report.make', owner: 'anna', input: '{}', job_id: jobId, priority: 0 }

export const samples = samplesOf(
  queries,
  {
    wishEnd: [id],
    forgetWish: [id],
    setCancelled: [id],
    setQueuedAnew: [id, jobId],
    setQueuedAgain: [id, jobId],
  },
  (db) => db.insertInto('tautline.task').values(task).execute(),
)

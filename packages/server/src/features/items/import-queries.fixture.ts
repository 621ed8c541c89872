import { samplesOf } from '@tautline/kit/testing'

import * as queries from './import-queries.ts'

const taskId = '00000000-0000-0000-0000-000000000001'
const from = { bytes: 0, rows: 0, created: 0, updated: 0, skipped: 0, bad: 0 }

export const samples = samplesOf(
  queries,
  {
    beginImport: [taskId],
    advanceImport: [
      {
        taskId,
        from,
        to: { ...from, bytes: 60, rows: 2, created: 1, bad: 1 },
        faults: [{ row: 2, problem: 'sku: is missing' }],
      },
    ],
    findFaults: [{ taskId, after: 0, limit: 10 }],
    findSpentImports: [10],
    deleteFaults: [taskId, 10],
    deleteImport: [taskId],
  },
  (db) => db.insertInto('item_import').values({ task_id: taskId }).execute(),
)

import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owner = '[null,null,"anna"]'
const storageKey = '00000000000000000000000000000001'
const createdAt = '2026-01-01 00:00:00.000001+00'

export const samples = samplesOf(queries, {
  findFile: { 'of a user': [owner, id], 'of the backend': [null, id] },
  findFileByKey: [owner, 'key'],
  findFileOfBytes: [storageKey],
  listFiles: {
    'the first page': [owner, { after: undefined, limit: 10 }],
    'the next page': [owner, { after: { createdAt, id }, limit: 10 }],
  },
  insertFile: [
    {
      owner,
      name: 'a.txt',
      content_type: 'text/plain',
      size: 1n,
      sha256: Buffer.alloc(32),
      storage_key: storageKey,
      upload_key: null,
    },
  ],
  findUsage: [owner],
  countFile: [
    { owner, size: 1 },
    { quotaBytes: 10, maxFiles: 10 },
  ],
  deleteFile: [owner, id],
  deleteSomeFiles: { 'of an owner': [owner, 10], 'in every tenant': [{ userId: 'anna' }, 10] },
  deleteUsage: { 'of an owner': [owner], 'in every tenant': [{ userId: 'anna' }] },
  insertUnclaimed: [storageKey],
  extendUnclaimed: [storageKey],
  claim: [storageKey],
  doom: [storageKey],
  doomOverdue: [10],
  deleteUnclaimed: [[storageKey]],
})

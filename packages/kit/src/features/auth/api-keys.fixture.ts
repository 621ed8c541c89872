import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './api-keys.ts'
import { insertSampleUser, sampleUser } from './sample-user.fixture.ts'

const { id: userId } = sampleUser
const id = '00000000-0000-0000-0000-000000000002'
const now = new Date()

export const samples = samplesOf(
  queries,
  {
    insertKey: [{ userId, name: 'Key', scopes: ['items:read'], expiresAt: null }, now],
    listKeys: [userId],
    revokeKey: [{ userId, id }, now],
    findLiveKey: ['tlk_…', now],
    updateLastUse: [id, { now, due: now }],
  },
  insertSampleUser,
)

import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './queries.ts'

const ids = ['00000000-0000-0000-0000-000000000001']
const known = { owner: 'anna', lastSeq: 7 }

export const samples = samplesOf(queries, {
  listNotifications: {
    'the first page': [{ ...known, isUnread: false, before: undefined, limit: 50 }],
    'the next page of those that were not read': [
      { ...known, isUnread: true, before: 3, limit: 50 },
    ],
  },
  countUnread: [known],
  listAfter: [{ owner: 'anna', after: 3, limit: 100 }],
  markRead: { some: ['anna', { ids }], 'all up to one': ['anna', { upTo: 7 }] },
})

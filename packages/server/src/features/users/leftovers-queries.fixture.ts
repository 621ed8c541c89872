import { samplesOf } from '@tautline/kit/testing'

import * as queries from './leftovers-queries.ts'

const id = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, {
  findDeletedUsers: {
    'the first ones': [{ before: new Date(), after: undefined, limit: 10 }],
    'the next ones': [{ before: new Date(), after: id, limit: 10 }],
  },
  deleteItemsOf: [id, 10],
  closeAccountsOf: {
    'held: wait': [id, { held: 'wait' }],
    'held: leave': [id, { held: 'leave' }],
  },
  forgetDeletedUser: [id],
})

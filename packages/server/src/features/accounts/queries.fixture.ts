import { samplesOf } from '@tautline/kit/testing'

import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owner = { ownerId: 'anna', tenantId: '' }

export const samples = samplesOf(queries, {
  insertAccount: [owner, { currency: 'EUR', name: 'Savings' }],
  findAccount: [{ ...owner, id }],
  listAccounts: {
    'the first page': [{ ...owner, after: undefined, limit: 10 }],
    'another page': [{ ...owner, after: { createdAt: '2026-11-22', id }, limit: 10 }],
  },
  listEntries: {
    'the first page': [{ accountId: id, before: undefined, limit: 10 }],
    'another page': [{ accountId: id, before: '7', limit: 10 }],
  },
  setFrozen: [{ id, frozen: true }],
  findCurrency: [id],
})

import { samplesOf } from '@tautline/kit/testing'

import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owner = { ownerId: 'anna', tenantId: '' }
const rope = { sku: 'rope', name: 'Rope', quantity: 2, price_minor: 1_990n }

export const samples = samplesOf(queries, {
  insertItem: [owner, rope],
  findItem: [{ ...owner, id }],
  listItems: {
    'the first page': [{ ...owner, after: undefined, limit: 10 }],
    'another page': [{ ...owner, after: { createdAt: '2026-11-22', id }, limit: 10 }],
  },
  selectItemsAfter: {
    'from the first on': [owner, undefined],
    'from a place on': [owner, { createdAt: '2026-11-22', id }],
  },
  updateItem: [{ ...owner, id, version: 1 }, { quantity: 3 }],
  lockItems: [{ ...owner, ids: [id] }],
  deleteItem: [{ ...owner, id }],
})

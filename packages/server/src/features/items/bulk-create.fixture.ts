import { samplesOf } from '@tautline/kit/testing'

import * as queries from './bulk-create.ts'

const owner = { ownerId: 'anna', tenantId: '' }
const items = [{ sku: 'rope', name: 'Rope', quantity: 2, priceMinor: 1_990n }]

export const samples = samplesOf(queries, {
  createManyItems: {
    skip: [owner, { items, onConflict: 'skip' }],
    update: [owner, { items, onConflict: 'update' }],
  },
})

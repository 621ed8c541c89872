import { samplesOf } from '@tautline/kit/testing'

import * as queries from './queries.ts'

const year = { from: new Date('2026-01-01'), to: new Date('2027-01-01') }

export const samples = samplesOf(queries, {
  selectStock: [{ ownerId: 'anna', tenantId: '' }, year],
})

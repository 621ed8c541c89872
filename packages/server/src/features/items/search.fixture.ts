import { samplesOf } from '@tautline/kit/testing'

import { FIRST_RANK } from '../../search.ts'
import * as queries from './search.ts'

export const samples = samplesOf(queries, {
  searchItems: [
    { ownerId: 'anna', tenantId: '' },
    { q: 'rope', after: FIRST_RANK, limit: 10 },
  ],
})

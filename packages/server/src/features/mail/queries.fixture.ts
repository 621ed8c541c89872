import { samplesOf } from '@tautline/kit/testing'

import * as queries from './queries.ts'

export const samples = samplesOf(queries, {
  findRecipient: ['11111111-1111-1111-1111-111111111111'],
})

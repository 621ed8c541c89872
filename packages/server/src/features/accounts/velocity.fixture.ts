import { samplesOf } from '@tautline/kit/testing'

import { DEFAULT_VELOCITY } from './limits.ts'
import * as queries from './velocity.ts'

const fromId = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, {
  refuseAboveVelocity: [{ fromId, amountMinor: 5n }, DEFAULT_VELOCITY],
})

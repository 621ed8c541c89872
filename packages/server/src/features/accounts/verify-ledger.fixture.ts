import { samplesOf } from '@tautline/kit/testing'

import * as queries from './verify-ledger.ts'

export const samples = samplesOf(queries, { verifyLedger: [] })

import { sql } from 'kysely'

import type { Db } from '@tautline/kit'
import { samplesOf } from '@tautline/kit/testing'

import * as queries from './ledger.ts'

const fromId = '00000000-0000-0000-0000-000000000001'
const toId = '00000000-0000-0000-0000-000000000002'

/** The euros of the system, and somebody to give some to. */
const given = (db: Db) =>
  sql`
    insert into account (id, kind, currency, owner_id, tenant_id, name) values
      (${fromId}, 'system', 'EUR', '', '', 'System'),
      (${toId}, 'user', 'EUR', 'anna', '', 'Savings')`.execute(db)

export const samples = samplesOf(
  queries,
  {
    lockPair: [{ fromId, toId }],
    book: [{ fromId, toId, amountMinor: 5n, memo: null }],
    systemAccountId: { 'of a known currency': ['EUR'], 'of a new currency': ['USD'] },
  },
  given,
)

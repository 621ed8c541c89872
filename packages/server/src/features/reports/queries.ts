import type { Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'

/** When the items of a report were made: `to` is after it. */
export interface Period {
  readonly from: Date
  readonly to: Date
}

/** Prices and quantities of an owner's items, to be read row by row, in any order. */
export function selectStock(db: Db, { ownerId, tenantId }: Owner, { from, to }: Period) {
  return db
    .selectFrom('item')
    .select(['price_minor', 'quantity'])
    .where('owner_id', '=', ownerId)
    .where('tenant_id', '=', tenantId)
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
}

import { sql } from 'kysely'

import type { Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import { nearest, type Asked } from '../../search.ts'
import { columns } from './queries.ts'

/** Items of an owner by name and sku; one more than `limit`, where another page follows. */
export function searchItems(db: Db, { ownerId, tenantId }: Owner, asked: Asked) {
  const place = {
    table: 'item',
    where: sql`owner_id = ${ownerId} and tenant_id = ${tenantId}`,
    columns: ['name', 'sku'],
    words: sql`(name || ' ' || sku)`, // as the index has it
  } as const
  return db
    .with('found', () => nearest(place, asked))
    .selectFrom('found')
    .innerJoin('item', 'item.id', 'found.match')
    .select([...columns, 'distance'])
    .orderBy('distance')
    .orderBy('id')
    .execute()
}

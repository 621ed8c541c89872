import { sql } from 'kysely'

import type { Db } from '@tautline/kit'

import { nearest, type Asked } from '../../search.ts'
import { columns } from './queries.ts'

const place = {
  table: 'tautline.user',
  where: sql`true`,
  columns: ['email', 'name'],
  words: sql`(name || ' ' || email)`, // as the index has it
} as const

/** Users by email address and name; one more than `limit`, where another page follows. */
export function searchUsers(db: Db, asked: Asked) {
  return db
    .with('found', () => nearest(place, asked))
    .selectFrom('found')
    .innerJoin('tautline.user', 'tautline.user.id', 'found.match')
    .select([...columns, 'distance'])
    .orderBy('distance')
    .orderBy('id')
    .execute()
}

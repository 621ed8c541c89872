import { sql } from 'kysely'

import type { Db } from '@tautline/kit'
import { samplesOf } from '@tautline/kit/testing'

import * as queries from './queries.ts'

const id = '00000000-0000-0000-0000-000000000001'
const byAdmin = { id, visible: 'everybody' } as const
const byThemselves = { id, visible: { only: id } } as const

/** Somebody to delete. */
const given = (db: Db) =>
  sql`
    insert into tautline.user (id, email, name, password_hash)
    values (${id}, 'anna@example.com', 'Anna', 'none')`.execute(db)

export const samples = samplesOf(
  queries,
  {
    findUser: [byThemselves],
    listUsers: {
      'the first page': [{ after: undefined, limit: 10 }],
      'another page': [{ after: { createdAt: '2026-11-22', id }, limit: 10 }],
    },
    updateUser: {
      'by themselves': [byThemselves, { name: 'A' }],
      'by an admin': [byAdmin, { name: 'A' }],
    },
    deleteUser: [byAdmin],
    findUserWithRecentItems: [byThemselves, { tenantId: '', limit: 5 }],
  },
  given,
)

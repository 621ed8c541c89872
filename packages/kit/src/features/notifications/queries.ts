import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { MAX_SEQ } from '../../rpc/event-seq.ts'
import './tables.ts'

const columns = [
  'id',
  'seq',
  'kind',
  'task_id as taskId',
  'name',
  'state',
  'error',
  'read_at as readAt',
  'created_at as createdAt',
] as const

/** Notifications of an owner: those from the first to one of their numbers. */
export interface Known {
  readonly owner: string
  readonly lastSeq: number
}

export interface ListQuery extends Known {
  /** Only those that were not read. */
  readonly isUnread: boolean
  /** Those before this one. */
  readonly before: number | undefined
  readonly limit: number
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listNotifications(db: Db, { owner, lastSeq, isUnread, before, limit }: ListQuery) {
  return db
    .selectFrom('tautline.notification')
    .select(columns)
    .where('owner', '=', owner)
    .where('seq', '<=', before === undefined ? lastSeq : before - 1)
    .$if(isUnread, (query) => query.where('read_at', 'is', null))
    .orderBy('seq', 'desc')
    .limit(limit + 1)
    .$narrowType<{ seq: number }>()
    .execute()
}

/** How many of them were not read. */
export async function countUnread(db: Db, { owner, lastSeq }: Known): Promise<number> {
  const { count } = await db
    .selectFrom('tautline.notification')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('owner', '=', owner)
    .where('read_at', 'is', null)
    .where('seq', '<=', lastSeq)
    .executeTakeFirstOrThrow()
  return count
}

/** Those after a number, in their order. */
export function listAfter(
  db: Db,
  { owner, after, limit }: { owner: string; after: number; limit: number },
) {
  return db
    .selectFrom('tautline.notification')
    .select(columns)
    .where('owner', '=', owner)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .$narrowType<{ seq: number }>()
    .execute()
}

/** Which of them somebody has read: some of them, or all up to a number. */
export type Read = { readonly ids: readonly string[] } | { readonly upTo: number }

/** Notes that an owner has read them, unless they had. Returns how many they had not. */
export async function markRead(db: Db, owner: string, read: Read): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('tautline.notification')
    .set({ read_at: sql`now()` })
    .where('id', 'in', (build) =>
      build
        .selectFrom('tautline.notification as notification')
        .select('notification.id')
        .where('owner', '=', owner)
        .where('read_at', 'is', null)
        .$if('ids' in read, (query) =>
          query.where(sql<boolean>`id = any(${'ids' in read ? read.ids : []}::uuid[])`),
        )
        .where('seq', '<=', 'upTo' in read ? read.upTo : MAX_SEQ)
        .orderBy('seq') // as anybody else, so that nobody waits for each other
        .forUpdate(),
    )
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { createLoader } from '../../db/loader.ts'
import { ring } from '../../db/ring.ts'
import type { EndedTask } from '../../tasks/ended.ts'
import { bellOf, NOTIFICATION_CHANNEL } from './bell.ts'
import './tables.ts'

/**
 * A notification is written without a number, by a transaction that waits for nobody. It gets one once
 * it is committed, from whoever looks first, who holds its owner's counter meanwhile: so the numbers
 * come in the order in which they are seen, and whoever has seen one has seen all before it. Taken by
 * the transaction that writes the row, they would have to be held until its end, by a process that may
 * stand still, or be passed over: transactions do not commit in the order in which they count.
 */

/** Notifications of one owner that get their numbers at once; and no more than are kept of them. */
const NUMBERED_AT_ONCE = 500

/** A task that has ended, and has somebody who is to know. */
export type OwnedEnd = EndedTask & { readonly owner: string }

/** Writes what the owners of tasks are to know, and rings for them. */
export async function insertNotifications(db: Db, ended: readonly OwnedEnd[]): Promise<void> {
  await sql`
    insert into tautline.notification (owner, kind, task_id, name, state, error)
    select owner, 'task', task_id, name, state, error from unnest(
      ${ended.map(({ owner }) => owner)}::text[],
      ${ended.map(({ id }) => id)}::uuid[],
      ${ended.map(({ name }) => name)}::text[],
      ${ended.map(({ state }) => state)}::text[],
      ${ended.map(({ error }) => error)}::text[]
    ) as ended (owner, task_id, name, state, error)`.execute(db)
  for (const owner of new Set(ended.map(({ owner }) => owner))) {
    ring(db, NOTIFICATION_CHANNEL, bellOf(owner))
  }
}

/** The last number that an owner's notifications have, and whether there are some without. */
export const findHead = createLoader((db, owners: readonly string[]) => {
  const asked = sql<{ owner: string; position: bigint }>`unnest(
    ${owners}::text[]
  ) with ordinality`
  return db
    .selectFrom(asked.as<'asked'>(sql`asked (owner, position)`))
    .leftJoin('tautline.notification_counter as counter', 'counter.owner', 'asked.owner')
    .select(['asked.position', sql<number>`coalesce(counter.last_seq, 0)`.as('lastSeq')])
    .select((build) =>
      build
        .exists(
          build
            .selectFrom('tautline.notification as notification')
            .select('notification.id')
            .whereRef('notification.owner', '=', 'asked.owner')
            .where('notification.seq', 'is', null),
        )
        .$castTo<boolean>()
        .as('hasNew'),
    )
    .execute()
})

/** Owners who have notifications without a number. */
export async function findNewOwners(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('tautline.notification')
    .select('owner')
    .distinct()
    .where('seq', 'is', null)
    .limit(limit)
    .execute()
  return rows.map(({ owner }) => owner)
}

/** Makes this transaction the only one that numbers notifications of these owners. */
export async function holdCounters(db: Db, owners: readonly string[]): Promise<void> {
  await sql`
    insert into tautline.notification_counter as counter (owner, last_seq)
    select owner, 0 from unnest(${owners}::text[]) as asked (owner) order by owner
    on conflict (owner) do update set last_seq = counter.last_seq`.execute(db)
}

/** Sees what was committed before the counters were held, as it is a statement of its own. */
export async function giveNumbers(
  db: Db,
  owners: readonly string[],
  maxKept: number,
): Promise<void> {
  await sql`
    with placed as (
      select id, owner, row_number() over (partition by owner order by created_at, id) as place
      from tautline.notification where owner = any(${owners}::text[]) and seq is null
    ), numbered as (
      update tautline.notification as notification set seq = counter.last_seq + placed.place
      from placed join tautline.notification_counter as counter on counter.owner = placed.owner
      where notification.id = placed.id and placed.place <= ${Math.min(NUMBERED_AT_ONCE, maxKept)}
      returning notification.owner, notification.seq
    ), counted as (
      select owner, max(seq) as last_seq from numbered group by owner
    ), outdated as (
      delete from tautline.notification as notification using counted
      where notification.owner = counted.owner
        and notification.seq <= counted.last_seq - ${maxKept}::integer
    )
    update tautline.notification_counter as counter set last_seq = counted.last_seq
    from counted where counter.owner = counted.owner`.execute(db)
}

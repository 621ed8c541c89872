import { sql, type RawBuilder } from 'kysely'

import type { TaskState } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { AnyTask } from '../task-types.ts'
import './tables.ts'

/**
 * Makes this transaction the only one that adds to the unfinished tasks of an owner, so that whoever
 * counts them is right until the commit.
 */
export async function holdOwner(db: Db, owner: string): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(hashtextextended('tautline.tasks ' || ${owner}, 0))`.execute(db)
}

/** How many tasks of an owner are not finished; counted up to `max`. */
export async function countUnfinished(db: Db, owner: string, max: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from tautline.task where owner = ${owner} and finished_at is null limit ${max}
    ) as unfinished`.execute(db)
  return rows[0]?.count ?? 0
}

/** What one task is a duplicate of. */
export interface Duplicated {
  readonly name: string
  readonly owner: string | null
  readonly dedupeKey: string
}

/** The unfinished task of a dedupe key. */
export async function findDuplicated(
  db: Db,
  { name, owner, dedupeKey }: Duplicated,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from tautline.task
    where name = ${name} and coalesce(owner, '') = coalesce(${owner}, '')
      and dedupe_key = ${dedupeKey} and finished_at is null`.execute(db)
  return rows[0]?.id
}

/** A task whose row this transaction holds. */
export interface HeldTask {
  readonly id: string
  readonly name: string
  readonly state: TaskState
  readonly attempt: number
  readonly jobId: string | null
  readonly priority: number
  readonly dedupeKey: string | null
}

const heldColumns = [
  'id',
  'name',
  'state',
  'attempt',
  'job_id as jobId',
  'priority',
  'dedupe_key as dedupeKey',
] as const

/** Holds the row of an unfinished task, unless somebody else does: nobody is waited for. */
export function holdFreeTask(db: Db, id: string): Promise<HeldTask | undefined> {
  return db
    .selectFrom('tautline.task')
    .select(heldColumns)
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

/** Not one of a user who was deleted: that is nobody's, and only waits for its own deletion. */
export const isKept = sql<boolean>`finished_at is distinct from '-infinity'`

/** Whether a task is this owner's; null for the backend itself. */
function isOf(owner: string | null): RawBuilder<boolean> {
  return owner === null ? sql`(owner is null and ${isKept})` : sql`owner = ${owner}`
}

/** Holds the row of a task of its owner, as soon as nobody else does. */
export function holdOwnTask(db: Db, { id, owner }: AnyTask): Promise<HeldTask | undefined> {
  return db
    .selectFrom('tautline.task')
    .select(heldColumns)
    .where('id', '=', id)
    .where(isOf(owner))
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** The same if it is queued and nobody else holds it. */
export function holdFreeQueued(db: Db, { id, owner }: AnyTask): Promise<HeldTask | undefined> {
  return db
    .selectFrom('tautline.task')
    .select(heldColumns)
    .where('id', '=', id)
    .where(isOf(owner))
    .where('state', '=', 'queued')
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

/** Where a task is, as far as others have committed it. */
export async function findState(db: Db, { id, owner }: AnyTask): Promise<TaskState | undefined> {
  const found = await db
    .selectFrom('tautline.task')
    .select('state')
    .where('id', '=', id)
    .where(isOf(owner))
    .executeTakeFirst()
  return found?.state
}

/** Whether a task still has its first event: one that is being deleted loses that first. */
export async function hasFirstEvent(db: Db, taskId: string): Promise<boolean> {
  const first = await db
    .selectFrom('tautline.task_event')
    .select('seq')
    .where('task_id', '=', taskId)
    .where('seq', '=', 1)
    .executeTakeFirst()
  return first !== undefined
}

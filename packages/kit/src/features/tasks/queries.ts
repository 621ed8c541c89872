import { sql } from 'kysely'

import { isTaskEnd, type TaskState } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { createLoader } from '../../db/loader.ts'
import type { OwnTask } from '../../task-types.ts'
import '../../tasks/tables.ts'

/** What is shown of one in a list. */
const columns = [
  'task.id',
  'task.name',
  'task.state',
  'task.attempt',
  'task.error',
  'task.progress_current',
  'task.progress_total',
  'task.progress_message',
  'task.created_at as createdAt',
  'task.started_at as startedAt',
  'task.finished_at as finishedAt',
  'task.last_seq as lastSeq',
] as const

/** One task of its owner. What is asked for at the same moment is one statement. */
export const findTask = createLoader((db, keys: readonly OwnTask[]) => {
  const asked = sql<{ id: string; owner: string; position: bigint }>`unnest(
    ${keys.map(({ id }) => id)}::uuid[],
    ${keys.map(({ owner }) => owner)}::text[]
  ) with ordinality`
  return db
    .selectFrom(asked.as<'asked'>(sql`asked (id, owner, position)`))
    .innerJoin('tautline.task as task', (join) =>
      join.onRef('task.id', '=', 'asked.id').onRef('task.owner', '=', 'asked.owner'),
    )
    .select([...columns, 'task.output', 'asked.position'])
    .execute()
})

/** Sort keys of a task, as text: a JavaScript date would cut Postgres' microseconds. */
export interface TaskPosition {
  readonly createdAt: string
  readonly id: string
}

export interface TaskFilter {
  readonly owner: string
  readonly state?: TaskState | undefined
  readonly name?: string | undefined
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listTasks(
  db: Db,
  { owner, state, name, after, limit }: TaskFilter & { after?: TaskPosition; limit: number },
) {
  // The index of unfinished tasks is small, however many have ended.
  const isOpen = state !== undefined && !isTaskEnd(state)
  return db
    .selectFrom('tautline.task as task')
    .select([...columns, sql<string>`task.created_at::text`.as('position')])
    .where('task.owner', '=', owner)
    .$if(state !== undefined, (query) => query.where('task.state', '=', state ?? 'queued'))
    .$if(isOpen, (query) => query.where('task.finished_at', 'is', null))
    .$if(name !== undefined, (query) => query.where('task.name', '=', name ?? ''))
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(task.created_at, task.id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`,
      ),
    )
    .orderBy('task.created_at', 'desc')
    .orderBy('task.id', 'desc')
    .limit(limit + 1)
    .execute()
}

/** Events of a task of its owner, from the one after `afterSeq`. */
export function listEvents(
  db: Db,
  { id, owner, afterSeq, limit }: OwnTask & { afterSeq: number; limit: number },
) {
  return db
    .selectFrom('tautline.task_event as event')
    .innerJoin('tautline.task as task', 'task.id', 'event.task_id')
    .select(['event.seq', 'event.type', 'event.attempt', 'event.data', 'event.created_at as at'])
    .where('event.task_id', '=', id)
    .where('task.owner', '=', owner)
    .where('event.seq', '>', afterSeq)
    .orderBy('event.seq')
    .limit(limit)
    .execute()
}

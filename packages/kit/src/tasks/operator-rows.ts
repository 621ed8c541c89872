import { isTaskEnd, type TaskState } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { isKept } from './task-rows.ts'
import './tables.ts'

/** Which tasks an operator asks for. */
export interface AllTasks {
  readonly state: TaskState | undefined
  readonly limit: number
}

/** Tasks of anybody: those that are not finished, the newest first; then the others, the last first. */
export function listAllTasks(db: Db, { state, limit }: AllTasks) {
  return db
    .selectFrom('tautline.task')
    .select(['id', 'name', 'owner', 'state', 'attempt', 'error', 'finished_at as finishedAt'])
    .where(isKept)
    .$if(state !== undefined, (query) =>
      query
        .where('state', '=', state ?? 'dead')
        // Each has an index of its own.
        .where('finished_at', state !== undefined && isTaskEnd(state) ? 'is not' : 'is', null),
    )
    .orderBy('finished_at', (order) => order.desc().nullsFirst())
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}

/** What a task is, and whose. */
export function findAnyTask(db: Db, id: string) {
  return db
    .selectFrom('tautline.task')
    .select(['id', 'name', 'owner'])
    .where('id', '=', id)
    .where(isKept)
    .executeTakeFirst()
}

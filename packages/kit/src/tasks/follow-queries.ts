import { sql } from 'kysely'

import type { TaskEventType } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { createLoader } from '../db/loader.ts'
import type { OwnTask, TaskEvent } from '../task-types.ts'
import { fromText } from './wire-text.ts'
import './tables.ts'

/** An event as it was read. */
export interface ReadEvent extends TaskEvent {
  /** Of the text of its data, in characters. */
  readonly length: number
}

/** How far a task is, which its owner may see. */
export const findWatched = createLoader((db, keys: readonly OwnTask[]) => {
  const asked = sql<{ id: string; owner: string; position: bigint }>`unnest(
    ${keys.map(({ id }) => id)}::uuid[], ${keys.map(({ owner }) => owner)}::text[]
  ) with ordinality`
  return db
    .selectFrom(asked.as<'asked'>(sql`asked (id, owner, position)`))
    .innerJoin('tautline.task as task', (join) =>
      join.onRef('task.id', '=', 'asked.id').onRef('task.owner', '=', 'asked.owner'),
    )
    .select(['asked.position', 'task.last_seq as lastSeq'])
    .select(sql<boolean>`task.finished_at is not null`.as('isFinished'))
    .execute()
})

/** A place in the events of a task. */
export interface Place {
  readonly taskId: string
  /** Number of the event before it; 0 is the beginning. */
  readonly after: number
}

/** What follows a place, and how far the task was at that moment. */
export interface Found {
  /** Number of its newest event. */
  readonly lastSeq: number
  readonly isFinished: boolean
  readonly events: ReadEvent[]
}

/** A task, beside one of its events; nothing of an event where none follows. */
interface FoundRow {
  readonly taskId: string
  readonly lastSeq: number
  readonly isFinished: boolean
  readonly seq: number | null
  readonly type: TaskEventType
  readonly attempt: number
  readonly at: Date
  readonly data: string
}

/** What is read of each task at most; but one event at least, however large. */
export interface MostRead {
  readonly events: number
  /** Of their data, in bytes. */
  readonly text: number
}

/**
 * Reads on after places of different tasks, all as of one moment. A task that is not there any more is
 * not among what is found.
 */
export async function readEvents(
  db: Db,
  places: readonly Place[],
  most: MostRead,
): Promise<Map<string, Found>> {
  const { rows } = await sql<FoundRow>`
    select task.id as "taskId", task.last_seq as "lastSeq",
      task.finished_at is not null as "isFinished",
      event.seq, event.type, event.attempt, event.created_at as at, event.data
    from unnest(
      ${places.map(({ taskId }) => taskId)}::uuid[], ${places.map(({ after }) => after)}::integer[]
    ) as place (id, after)
    join tautline.task on task.id = place.id
    left join lateral (
      select seq, type, attempt, created_at, data,
        sum(octet_length(data)) over (order by seq) - octet_length(data) as text_before
      from (
        select seq, type, attempt, created_at, data from tautline.task_event
        where task_id = place.id and seq > place.after
        order by seq limit ${most.events}
      ) as following
    ) as event on event.text_before < ${most.text}
    order by task.id, event.seq`.execute(db)
  const found = new Map<string, Found>()
  for (const { taskId, lastSeq, isFinished, seq, data, ...event } of rows) {
    const task = found.get(taskId) ?? { lastSeq, isFinished, events: [] }
    found.set(taskId, task)
    if (seq === null) continue
    task.events.push(readEvent({ taskId, seq, ...event }, data))
  }
  return found
}

/** Its data is decoded once, by the first who looks: what cannot be is the affair of who wants it. */
function readEvent(event: Omit<ReadEvent, 'data' | 'length'>, text: string): ReadEvent {
  let decoded: { readonly value: unknown } | undefined
  return {
    ...event,
    length: text.length,
    get data() {
      decoded ??= { value: fromText(text) }
      return decoded.value
    },
  }
}

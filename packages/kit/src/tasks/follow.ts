import { commonErrors, Failure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { Notifications } from '../db/notifications.ts'
import { readForStream } from '../db/stream-read.ts'
import { badInput } from '../platform/bad-input.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createSlots, type Slots } from '../platform/slots.ts'
import { createWaker } from '../platform/waker.ts'
import type { TaskEvent, TaskWatch, TaskWatcher } from '../task-types.ts'
import { createDoorbell } from './doorbell.ts'
import { TASK_NOT_FOUND } from './failures.ts'
import { hasGap, type Feed } from './follow-feed.ts'
import { startFeeds, type Feeds } from './follow-feeds.ts'
import { findWatched, readEvents, type Found } from './follow-queries.ts'

/** Behind the doorbell, in milliseconds. */
const POLL_MS = 3_000

/** What one who is far behind reads at once: so many tasks, and of all of them together so much. */
const TASKS_AT_ONCE = 10
const BACKLOG = { events: 500, text: 200_000 }

/** Of one task that goes out before the next one has its turn. */
const EVENTS_IN_TURN = 50

/** Who are far behind and read at the same time; the others of them wait. */
const BACKLOG_READERS = 2

/** Reads the events of tasks while they happen. */
export interface TaskReaders extends TaskWatcher {
  /** Ends every watch. */
  readonly close: () => Promise<void>
}

export interface TaskReadersOptions {
  readonly db: Db
  readonly notifications: Notifications
  readonly metrics: Metrics
  readonly log: Logger
  readonly pollMs?: number
}

/** One reader for all who watch tasks in this process. */
export function createTaskReaders(options: TaskReadersOptions): TaskReaders {
  const { db, notifications, metrics, log, pollMs = POLL_MS } = options
  const doorbell = createDoorbell({ notifications, metrics })
  const feeds = startFeeds({ db, doorbell, metrics, log, pollMs })
  const slots = createSlots(BACKLOG_READERS)
  return {
    watch: (watch) => follow(watch, { db, feeds, slots }),
    async close() {
      await feeds.close()
      doorbell.close()
    },
  }
}

type Watched = TaskWatch['tasks'][number]

interface Parts {
  readonly db: Db
  readonly feeds: Feeds
  readonly slots: Slots
}

/** How far a watcher is with a task. */
interface Cursor {
  seq: number
  readonly feed: Feed
  readonly leave: () => void
}

async function* follow(watch: TaskWatch, parts: Parts): AsyncGenerator<TaskEvent, void> {
  const { signal } = watch
  const { feeds } = parts
  const { wake, wait } = createWaker()
  const found = await readForStream('tasks.follow', signal, () =>
    Promise.all(watch.tasks.map((task) => findTask(watch.owner, task, parts))),
  )
  const open = new Set<Cursor>()
  signal.addEventListener('abort', wake, { once: true })
  try {
    for (const [index, { id, after }] of watch.tasks.entries()) {
      const { lastSeq = 0, isFinished = false } = found[index] ?? {}
      if (isFinished && after === lastSeq) continue
      const { feed, leave } = feeds.join({ taskId: id, after, lastSeq, wake })
      open.add({ seq: after, feed, leave })
    }
    while (open.size > 0) {
      signal.throwIfAborted()
      if (feeds.isClosed) throw new Failure(commonErrors.UNAVAILABLE)
      const behind: Cursor[] = []
      let isIdle = true
      for (const cursor of open) {
        for (let turn = 0; turn < EVENTS_IN_TURN; turn++) {
          const event = cursor.feed.next(cursor.seq)
          if (!event) break
          cursor.seq = event.seq
          isIdle = false
          yield event // takes as long as its reader likes: what is held may be other events by then
        }
        if (!cursor.feed.holds(cursor.seq)) behind.push(cursor)
        if (isOver(cursor)) {
          open.delete(cursor)
          cursor.leave()
        }
      }
      if (behind.length > 0) yield* catchUp(behind.slice(0, TASKS_AT_ONCE), signal, parts)
      else if (isIdle) await wait()
    }
  } finally {
    signal.removeEventListener('abort', wake)
    for (const { leave } of open) leave()
  }
}

async function findTask(owner: string, { id, after }: Watched, { db }: Parts) {
  const task = await findWatched(db, { id, owner })
  if (!task) throw new Failure(TASK_NOT_FOUND)
  if (after <= task.lastSeq) return task
  const message = 'The task has no such event yet.'
  throw badInput([{ path: ['lastEventId'], code: 'too_big', message }])
}

/** Whether a watcher has all of a task that has ended. Throws for one that is not there any more. */
function isOver({ seq, feed }: Cursor): boolean {
  if (feed.state === 'gone') throw new Failure(TASK_NOT_FOUND)
  return feed.state === 'ended' && seq >= feed.head
}

/** Reads for a watcher what no feed holds any more. */
async function* catchUp(
  cursors: readonly Cursor[],
  signal: AbortSignal,
  parts: Parts,
): AsyncGenerator<TaskEvent, void> {
  const found = await readBacklog(cursors, signal, parts)
  for (const cursor of cursors) {
    const { feed } = cursor
    const task = found.get(feed.taskId)
    const hasMore = task !== undefined && task.events.length > 0 // as the feed has seen
    if (!hasMore || hasGap(task, cursor.seq)) throw new Failure(TASK_NOT_FOUND)
    for (const event of task.events) {
      if (event.seq > feed.head) break // the feed tells whether the watch goes that far
      cursor.seq = event.seq
      yield event
    }
  }
}

async function readBacklog(
  cursors: readonly Cursor[],
  signal: AbortSignal,
  { db, slots }: Parts,
): Promise<ReadonlyMap<string, Found>> {
  const places = cursors.map(({ seq, feed }) => ({ taskId: feed.taskId, after: seq }))
  const most = {
    events: Math.ceil(BACKLOG.events / places.length),
    text: Math.ceil(BACKLOG.text / places.length),
  }
  await slots.take(signal)
  return readForStream('tasks.follow', signal, () =>
    readEvents(db, places, most).finally(() => slots.give()),
  )
}

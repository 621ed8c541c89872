import { backoffMs, sleep } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { orAborted } from '../platform/abort.ts'
import { withDeadline } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { startLoop } from '../platform/supervised-loop.ts'
import type { Feed } from './follow-feed.ts'
import type { OpenFeeds } from './follow-feeds.ts'
import { readEvents } from './follow-queries.ts'
import { createWaker } from './follow-waker.ts'

/** Tasks that one statement reads on, and events of each. */
const FEEDS_AT_ONCE = 100
const EVENTS_AT_ONCE = 100

/** From the beginning of one read to that of the next, in milliseconds: what rings until then waits. */
const GATHER_MS = 20

/** Longest read, in milliseconds. */
const READ_TIMEOUT_MS = 5_000

/** Before the next read after one that failed. */
const BACKOFF = { baseMs: 200, capMs: 2_000 }

export interface ReadingOptions {
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly open: OpenFeeds
}

/** Reads feeds on, many in one statement. */
export interface Reading {
  /** Soon, and anew if it is being read right now. */
  readonly read: (feed: Feed) => void
  readonly readAll: () => void
  stop(): Promise<void>
}

/**
 * One loop for all feeds of a process, and one statement at a time. While the database is away they
 * stay as they are; counted in `task_feed_failures_total`, as good reads are in `task_feed_reads_total`.
 */
export function startReading({ db, log, metrics, open }: ReadingOptions): Reading {
  /** What is to be read on. */
  const wanted = new Set<Feed>()
  const { wake, wait } = createWaker()
  let failures = 0
  let readAt = -Infinity

  function read(feed: Feed): void {
    wanted.add(feed)
    wake()
  }

  /** Those that are read next. A wish that comes from now on is for the time after. */
  function takeBatch(): Feed[] {
    for (const feed of wanted) if (!open.has(feed)) wanted.delete(feed)
    const batch = [...wanted].slice(0, FEEDS_AT_ONCE)
    for (const feed of batch) wanted.delete(feed)
    if (wanted.size > 0) wake()
    return batch
  }

  async function readOn(batch: readonly Feed[]): Promise<void> {
    const places = batch.map((feed) => feed.place())
    const found = await withDeadline('tasks.follow', READ_TIMEOUT_MS, () =>
      readEvents(db, places, EVENTS_AT_ONCE),
    )
    metrics.count('task_feed_reads_total')
    for (const feed of batch) {
      if (!open.has(feed)) continue // the last watcher has left meanwhile
      const task = found.get(feed.taskId)
      feed.take(task)
      if (feed.state !== 'following') open.drop(feed)
      else if (task && task.lastSeq > feed.head) read(feed)
    }
  }

  async function turn(signal: AbortSignal): Promise<void> {
    await orAborted(wait(), signal)
    await sleep(Math.max(0, readAt + GATHER_MS - performance.now()), { signal })
    readAt = performance.now()
    const batch = takeBatch()
    try {
      if (batch.length > 0) await orAborted(readOn(batch), signal)
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      for (const feed of batch) read(feed)
      metrics.count('task_feed_failures_total')
      log.warn({ err: error }, 'the events of tasks could not be read')
      await sleep(backoffMs(failures++, BACKOFF), { signal })
    }
  }

  const loop = startLoop({ name: 'task_feeds', everyMs: 0, log, metrics, run: turn })
  return {
    read,
    readAll() {
      for (const feed of open.all()) wanted.add(feed)
      wake()
    },
    stop: () => loop.stop(),
  }
}

import { backoffMs, sleep } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { STREAM_READ_TIMEOUT_MS } from '../db/stream-read.ts'
import { orAborted } from '../platform/abort.ts'
import { withDeadline } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { startLoop } from '../platform/supervised-loop.ts'
import { createWaker } from '../platform/waker.ts'
import type { Feed } from './follow-feed.ts'
import type { OpenFeeds } from './follow-feeds.ts'
import { readEvents } from './follow-queries.ts'

/** Tasks that one statement reads on, of which so many have rung, and events of each. */
const FEEDS_AT_ONCE = 100
const RUNG_AT_ONCE = 90
const EVENTS_AT_ONCE = 100

/** Data of all of them together, in bytes. */
const TEXT_AT_ONCE = 2_000_000

/** From the beginning of one read to that of the next, in milliseconds: what rings until then waits. */
const GATHER_MS = 20

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
  const wishes = createWishes(open)
  const { wake, wait } = createWaker()
  let failures = 0
  let readAt = -Infinity

  function read(feed: Feed): void {
    wishes.rung.add(feed)
    wake()
  }

  async function readOn(batch: readonly Feed[]): Promise<void> {
    const places = batch.map((feed) => feed.place())
    const most = { events: EVENTS_AT_ONCE, text: Math.ceil(TEXT_AT_ONCE / places.length) }
    const found = await withDeadline('tasks.follow', STREAM_READ_TIMEOUT_MS, () =>
      readEvents(db, places, most),
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
    const batch = wishes.take()
    if (!wishes.isEmpty) wake()
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
      for (const feed of open.all()) wishes.due.add(feed)
      wake()
    },
    stop: () => loop.stop(),
  }
}

/** What is to be read on. */
interface Wishes {
  /** What has rung. */
  readonly rung: Set<Feed>
  /** What is looked at now and then: it gets on, but nothing that has rung waits for it. */
  readonly due: Set<Feed>
  readonly isEmpty: boolean
  /** Those that are read next. A wish that comes from now on is for the time after. */
  take(): Feed[]
}

function createWishes(open: OpenFeeds): Wishes {
  const rung = new Set<Feed>()
  const due = new Set<Feed>()
  return {
    rung,
    due,
    get isEmpty() {
      return rung.size + due.size === 0
    },
    take() {
      const batch: Feed[] = []
      function fill(most: number, feeds: Iterable<Feed>): void {
        for (const feed of feeds) {
          if (batch.length >= most) break
          rung.delete(feed)
          due.delete(feed)
          if (open.has(feed)) batch.push(feed)
        }
      }
      fill(RUNG_AT_ONCE, rung)
      fill(FEEDS_AT_ONCE, due)
      return batch
    },
  }
}

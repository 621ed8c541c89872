import { commonErrors, Failure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Doorbell } from './doorbell.ts'
import { createFeed, HELD_EVENTS, type Feed, type Held } from './follow-feed.ts'
import { startReading } from './follow-reading.ts'

/** Tasks that one process follows at most. */
const MAX_FEEDS = 10_000

/** How long somebody is asked to wait for whom there is no room, in milliseconds. */
const RETRY_AFTER_MS = 2_000

export interface FeedsOptions {
  readonly db: Db
  readonly doorbell: Doorbell
  readonly log: Logger
  readonly metrics: Metrics
  /** Every task is looked at after so long, ± a fifth, whatever rings; in milliseconds. */
  readonly pollMs: number
}

/** Who joins a feed. */
export interface Joining {
  readonly taskId: string
  /** Number of the last event that they have. */
  readonly after: number
  /** Number of the newest event that they know to be there. */
  readonly lastSeq: number
  readonly wake: () => void
}

/** A watcher's part of a feed. */
export interface Joined {
  readonly feed: Feed
  readonly leave: () => void
}

/** One feed for each task that somebody watches in this process. */
export interface Feeds {
  readonly isClosed: boolean
  /** Throws `OVERLOADED` when too many tasks are watched. */
  join(joining: Joining): Joined
  /** Wakes everybody. */
  close(): Promise<void>
}

/**
 * Feeds that are read when their task has rung, and now and then. A bell is hung up before its task is
 * read the first time, so that nothing comes in between. The gauges `task_feeds` and
 * `task_feeds_text_bytes` have how many there are, and what they hold.
 */
export function startFeeds({ db, doorbell, log, metrics, pollMs }: FeedsOptions): Feeds {
  const held: Held = { text: 0 }
  const open = createOpenFeeds()
  const reading = startReading({ db, log, metrics, open })
  const removals = [
    metrics.gauge('task_feeds', () => open.size),
    metrics.gauge('task_feeds_text_bytes', () => held.text),
  ]
  const poll = setInterval(reading.readAll, pollMs * (0.8 + 0.4 * Math.random()))
  poll.unref()
  let isClosed = false

  function openFeed(taskId: string): Feed {
    if (isClosed) throw new Failure(commonErrors.UNAVAILABLE)
    if (open.size >= MAX_FEEDS) {
      throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
    }
    const feed = createFeed(taskId, held)
    open.add(
      feed,
      doorbell.on(taskId, () => reading.read(feed)),
    )
    reading.read(feed)
    return feed
  }

  return {
    get isClosed() {
      return isClosed
    },
    join({ taskId, after, lastSeq, wake }) {
      const feed = open.get(taskId) ?? openFeed(taskId)
      if (lastSeq > feed.head) reading.read(feed)
      feed.beginAfter(Math.max(after, lastSeq - HELD_EVENTS))
      feed.watchers.add(wake)
      return {
        feed,
        leave() {
          feed.watchers.delete(wake)
          if (feed.watchers.size > 0) return
          open.drop(feed)
          feed.close()
        },
      }
    },
    async close() {
      isClosed = true
      clearInterval(poll)
      for (const feed of open.all()) for (const wake of feed.watchers) wake()
      await reading.stop()
      for (const remove of removals) remove()
    },
  }
}

/** The feeds that are read, by their task. */
export interface OpenFeeds {
  readonly size: number
  get(taskId: string): Feed | undefined
  /** Whether it is one of them, and not one that another has replaced. */
  has(feed: Feed): boolean
  all(): Iterable<Feed>
  add(feed: Feed, unhook: () => void): void
  /** Takes it out, and its bell down. */
  drop(feed: Feed): void
}

function createOpenFeeds(): OpenFeeds {
  const feeds = new Map<string, Feed>()
  const unhooks = new Map<Feed, () => void>()
  return {
    get size() {
      return feeds.size
    },
    get: (taskId) => feeds.get(taskId),
    has: (feed) => feeds.get(feed.taskId) === feed,
    all: () => feeds.values(),
    add(feed, unhook) {
      feeds.set(feed.taskId, feed)
      unhooks.set(feed, unhook)
    },
    drop(feed) {
      if (feeds.get(feed.taskId) === feed) feeds.delete(feed.taskId)
      unhooks.get(feed)?.()
      unhooks.delete(feed)
    },
  }
}

import type { Found, Place, ReadEvent } from './follow-queries.ts'

/** Newest events that a feed holds. */
export const HELD_EVENTS = 500

/** Longest text of all events that the feeds of one process hold, in characters: about as many bytes. */
const HELD_TEXT = 32_000_000

/** Of one of them. */
const HELD_TEXT_OF_ONE = 1_000_000

/** What an event takes beside its data, with what streams make of it, in characters. */
const EVENT_OVERHEAD = 1_500

/** What all feeds of one process hold together. */
export interface Held {
  text: number
}

/**
 * `following`: it is read on. `ended`: with the task, and for good: a task that is redriven has another
 * feed. `gone`: the task is not there any more, or not all of it.
 */
export type FeedState = 'following' | 'ended' | 'gone'

/** The events of one task as they come, for all who watch it in this process. */
export interface Feed {
  readonly taskId: string
  readonly state: FeedState
  /** Number of the newest event that was read. */
  readonly head: number
  /** Called when something has come. */
  readonly watchers: Set<() => void>
  /** Lets it begin early enough for one more watcher, unless it has begun. */
  beginAfter(seq: number): void
  /** From where to read on. It has begun then. */
  place(): Place
  /** Takes in what was found there; undefined: there is no such task. */
  take(found: Found | undefined): void
  /** Whether all that is known to come after a number is held. */
  holds(seq: number): boolean
  /** The first event after a number, where it is held. */
  next(seq: number): ReadEvent | undefined
  /** Forgets what it holds. */
  close(): void
}

export function createFeed(taskId: string, held: Held): Feed {
  const watchers = new Set<() => void>()
  let state: FeedState = 'following'
  let hasBegun = false
  let head = Infinity
  /** Without a gap, the newest of them with the number `head`. */
  let events: ReadEvent[] = []
  let text = 0

  function count(length: number): void {
    text += length
    held.text += length
  }

  function add(event: ReadEvent): void {
    events.push(event)
    count(event.length + EVENT_OVERHEAD)
    head = event.seq
    const isFull = () =>
      events.length > HELD_EVENTS || text > HELD_TEXT_OF_ONE || held.text > HELD_TEXT
    while (isFull() && events.length > 1) {
      const oldest = events.shift()
      if (oldest) count(-oldest.length - EVENT_OVERHEAD)
    }
  }

  return {
    taskId,
    watchers,
    get state() {
      return state
    },
    get head() {
      return head
    },
    beginAfter(seq) {
      if (!hasBegun) head = Math.min(head, seq)
    },
    place() {
      hasBegun = true
      return { taskId, after: head }
    },
    take(found) {
      if (!found || hasGap(found, head)) state = 'gone'
      else {
        for (const event of found.events) add(event)
        if (found.isFinished && head === found.lastSeq) state = 'ended'
        else if (found.events.length === 0) return // nothing that anybody waits for
      }
      for (const wake of watchers) wake()
    },
    holds: (seq) => head - seq <= events.length,
    next: (seq) => events[events.length - (head - seq)],
    close() {
      count(-text)
      events = []
    },
  }
}

/** What is read at one moment has no gap, unless somebody is deleting the task. */
export function hasGap({ events, lastSeq }: Found, after: number): boolean {
  if (events.length === 0) return lastSeq > after
  return events.some(({ seq }, index) => seq !== after + 1 + index)
}

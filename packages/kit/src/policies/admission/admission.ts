import type { Clock } from '../../platform/clock.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Pressure } from './limit.ts'
import { createPlaces, type Places } from './places.ts'
import { createPriorityQueue, type PriorityQueue } from './priority-queue.ts'
import { placesOf, type Priority } from './priority.ts'

/** Longest time in the queue, whatever the deadline, in milliseconds. */
const MAX_WAIT_MS = 10_000

/**
 * Longest time in the queue as a share of the time until the deadline. While there is too much to
 * do, nearly everybody who is let in has waited that long; were it all but the mean time of a call,
 * half of the work would be done for nobody.
 */
const MAX_WAIT_SHARE = 0.5

/** Bounds of the wait that a refused caller is asked for, in milliseconds. */
const RETRY_AFTER_MS = { min: 1_000, max: 5_000 }

/** Why nobody is let in. */
type Refused = 'full' | 'late' | 'expired' | 'dismissed'

export interface AdmissionOptions {
  /** How many run at the same time at most, in places. */
  readonly maxRunning: number
  /** How many requests may wait at most. */
  readonly maxQueued: number
  readonly clock: Clock
  readonly metrics: Metrics
  readonly pressure: () => Pressure
}

/** One request that wants in. */
export interface Arrival {
  readonly priority: Priority
  /** How many places it takes, such as calls of a batch. Default 1; never more than its share. */
  readonly cost?: number
  /** Ends its wait: `enter` rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** What is left of its time, in milliseconds. */
  readonly deadlineMs: number
}

/** A refusal is a value: it is made most often when there is the least time for it. */
export interface Refusal {
  readonly admitted: false
  readonly retryAfterMs: number
}

export type Admitted =
  | {
      readonly admitted: true
      /** To be called when the response has closed; a second time does nothing. */
      readonly release: () => void
    }
  | Refusal

/** Lets in what this process can do, and refuses the rest before it costs anything. */
export interface Admission {
  /**
   * Lets a request in, keeps it waiting, or refuses it: when the queue is full, when its deadline
   * cannot be met by the mean service time, or when it gives way to a higher priority. Not for
   * what has no end of its own, such as a subscription.
   */
  enter(arrival: Arrival): Promise<Admitted>
  /**
   * What `enter` would refuse at this moment, or undefined: a look that takes no place, for a request
   * whose body has yet to come.
   */
  refusal(arrival: Arrival): Refusal | undefined
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { maxRunning, maxQueued, clock, metrics, pressure } = options
  const places = createPlaces({ max: maxRunning, clock, pressure })
  const queue = createPriorityQueue()
  metrics.gauge('admission_running', () => places.taken)
  metrics.gauge('admission_queued', () => queue.length)
  metrics.gauge('admission_limit', () => places.limit)
  const callUp = () => queue.callUp(places.take)
  const { longestWaitMs, inTime } = createForecast(places, queue)
  const count = (priority: Priority, outcome: 'admitted' | Refused) =>
    metrics.count('admission_total', { priority, outcome })

  function letIn(priority: Priority, size: number): Admitted {
    count(priority, 'admitted')
    return { admitted: true, release: places.hold(size, callUp) }
  }

  function refuse(priority: Priority, why: Refused): Refusal {
    count(priority, why)
    const { min, max } = RETRY_AFTER_MS
    return { admitted: false, retryAfterMs: min + Math.random() * (max - min) }
  }

  /** Who is called up has its places already. */
  async function wait(arrival: Arrival, size: number): Promise<Admitted> {
    const { priority, signal } = arrival
    const timeoutMs = longestWaitMs(arrival)
    try {
      const end = await queue.join(priority, { signal, timeoutMs, size })
      return end === 'called' ? letIn(priority, size) : refuse(priority, end)
    } finally {
      callUp() // it may have kept others waiting
    }
  }

  function sizeOf({ priority, cost = 1 }: Arrival): number {
    places.update()
    callUp() // the limit may have grown since anybody left
    return Math.min(cost, placesOf(priority, maxRunning))
  }

  return {
    async enter(arrival) {
      const { priority, signal } = arrival
      signal?.throwIfAborted() // nobody would release it
      const size = sizeOf(arrival)
      const isFirst = queue.sizeAhead(priority) === 0
      if (isFirst && places.take(priority, size)) return letIn(priority, size)
      if (!inTime(arrival, size)) return refuse(priority, 'late')
      const hasRoom = queue.length < maxQueued || queue.dismissBelow(priority)
      return hasRoom ? wait(arrival, size) : refuse(priority, 'full')
    },
    refusal(arrival) {
      const { priority } = arrival
      const size = sizeOf(arrival)
      const isFirst = queue.sizeAhead(priority) === 0
      if (isFirst && places.hasRoomFor(priority, size)) return undefined
      if (!inTime(arrival, size)) return refuse(priority, 'late')
      const hasRoom = queue.length < maxQueued || queue.hasBelow(priority)
      return hasRoom ? undefined : refuse(priority, 'full')
    },
  }
}

/** What the mean service time says about a wait. */
function createForecast(places: Places, queue: PriorityQueue) {
  function longestWaitMs({ deadlineMs }: Arrival): number {
    const share = MAX_WAIT_SHARE * deadlineMs
    return Math.min(share, deadlineMs - places.serviceMs, MAX_WAIT_MS)
  }

  /** So many have to leave first, one after the other: more than run, after the limit was halved. */
  function inTime(arrival: Arrival, size: number): boolean {
    const { priority } = arrival
    const { taken, serviceMs } = places
    const leaving = taken + queue.sizeAhead(priority) + size - places.openTo(priority)
    return (leaving * serviceMs) / Math.max(1, taken) <= longestWaitMs(arrival)
  }

  return { longestWaitMs, inTime }
}

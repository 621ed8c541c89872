import { commonErrors, Failure } from '@tautline/shared'

import type { Metrics } from '../../platform/metrics.ts'
import { createSlots } from '../../platform/slots.ts'

export interface ConcurrencyOptions {
  /** How many run at the same time at most. */
  readonly max: number
  /** How many more may wait for their turn. 0: none, the next one is refused. */
  readonly queue: number
}

/** Keeps one kind of work from taking everything: a bulkhead. */
export interface Concurrency {
  readonly running: number
  readonly waiting: number
  /**
   * Runs `work` when it is its turn, first come, first served. Its place is free when `work` has
   * really ended, so an abort must end `work`: give up the wait for it outside, not inside.
   *
   * Throws `OVERLOADED` when the queue is full, the signal's reason when it aborts before the turn
   * has come, and what `work` throws.
   */
  readonly run: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>
}

/** Bounds of the wait that a refused caller is asked for, in milliseconds. */
const RETRY_AFTER_MS = { min: 1_000, max: 5_000 }

export function createConcurrency({ max, queue }: ConcurrencyOptions): Concurrency {
  const slots = createSlots(max)
  return {
    get running() {
      return slots.held
    },
    get waiting() {
      return slots.waiting
    },
    async run(work, signal) {
      signal?.throwIfAborted()
      if (slots.held === max && slots.waiting >= queue) throw overloaded()
      await slots.take(signal)
      try {
        return await work()
      } finally {
        slots.give()
      }
    },
  }
}

/** Makes the sums over all of them visible. Returns the removal. */
export function observeConcurrency(all: Iterable<Concurrency>, metrics: Metrics): () => void {
  const parts = [...all]
  const sumOf = (what: 'running' | 'waiting') => () =>
    parts.reduce((sum, part) => sum + part[what], 0)
  const removals = [
    metrics.gauge('concurrency_running', sumOf('running')),
    metrics.gauge('concurrency_waiting', sumOf('waiting')),
  ]
  return () => removals.forEach((remove) => remove())
}

/** What is told to whom there is no place for. */
export function overloaded(): Failure {
  const { min, max } = RETRY_AFTER_MS
  return new Failure(commonErrors.OVERLOADED, { retryAfterMs: min + Math.random() * (max - min) })
}

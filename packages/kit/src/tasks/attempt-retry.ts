import { backoffMs, sleep } from '@tautline/shared'

import { withDeadline } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import { isPassing } from './attempt-errors.ts'

/** Longest for one try, in milliseconds: beyond a lock that a stopped process leaves behind. */
const TRY_TIMEOUT_MS = 10_000

/** Between two tries. */
const BACKOFF = { baseMs: 100, capMs: 1_000 }

export interface PersistOptions {
  /** What it is, for the log. */
  readonly what: string
  readonly log: Logger
  /** Gives up between two tries. */
  readonly signal: AbortSignal
}

/**
 * Runs something of our own on the database until it succeeds: a database that is away must not end
 * an attempt. It is tried again also when its answer was lost, so it must find what it has done
 * itself. Not a part of the handler's call: the end of that does not interrupt it. Throws what
 * would only happen again.
 */
export async function persist<T>(options: PersistOptions, run: () => Promise<T>): Promise<T> {
  const { what, log, signal } = options
  for (let tries = 0; ; tries++) {
    try {
      return await withDeadline(`task:${what}`, TRY_TIMEOUT_MS, run)
    } catch (error) {
      if (!isPassing(error)) throw error
      log.warn({ err: error }, `a task could not ${what}; it is tried again`)
      await sleep(backoffMs(tries, BACKOFF), { signal })
    }
  }
}

import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import { withDeadline } from '../platform/call-scope.ts'
import { toDatabaseFailure } from './errors.ts'

/** Longest read for a stream, in milliseconds. */
export const STREAM_READ_TIMEOUT_MS = 5_000

/** How long somebody is asked to wait after a read that took too long, in milliseconds. */
const RETRY_AFTER_MS = 500

/**
 * Reads for a stream, which has no end of its own that would end this, too. Throws `UNAVAILABLE` where
 * it takes too long, so that its reader resumes.
 */
export async function readForStream<T>(
  procedure: string,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  const lateAt = performance.now() + STREAM_READ_TIMEOUT_MS
  try {
    return await orAborted(withDeadline(procedure, STREAM_READ_TIMEOUT_MS, read), signal)
  } catch (cause) {
    const isLate =
      performance.now() >= lateAt || toDatabaseFailure(cause)?.reason === 'DEADLINE_EXCEEDED'
    if (signal.aborted || !isLate) throw cause
    throw new Failure(commonErrors.UNAVAILABLE, { cause, retryAfterMs: RETRY_AFTER_MS })
  }
}

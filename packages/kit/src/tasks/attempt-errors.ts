import { commonErrors, isFailure } from '@tautline/shared'

import { toDatabaseFailure } from '../db/errors.ts'
import { UPSTREAM_OUTCOME_UNKNOWN } from '../policies/outgoing/failures.ts'

/** What people are told of an error that is none of theirs; the log has the rest. */
export const UNEXPECTED = 'Something went wrong.'

/** Longest text of an error that is kept. */
const MAX_LENGTH = 1_000

/** What stands in the way now, and may not the next time, though a caller must not simply repeat. */
const PASSING: ReadonlySet<string> = new Set([
  commonErrors.COMMIT_UNKNOWN.reason,
  commonErrors.DEADLINE_EXCEEDED.reason,
  commonErrors.TOO_MANY_TASKS.reason,
])

/** Whether an attempt that failed like this would fail again: a refusal that says so itself. */
export function isFinal(error: unknown): boolean {
  return isFailure(error) && !error.definition.retryable && !PASSING.has(error.reason)
}

/** Whether one of our own statements that failed like this may succeed the next time. */
export function isPassing(error: unknown): boolean {
  if (isFailure(error)) return error.definition.retryable || PASSING.has(error.reason)
  return isTimeout(error) || toDatabaseFailure(error) !== undefined
}

/** Whether something of ours took longer than we let it. */
export function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** Whether something that failed like this may have happened all the same. */
export function isUnknown(error: unknown): boolean {
  if (!isFailure(error)) return false
  const { reason } = error
  return reason === commonErrors.COMMIT_UNKNOWN.reason || reason === UPSTREAM_OUTCOME_UNKNOWN.reason
}

/** Whether an error was foreseen, and has a text for people. */
export function isExpected(error: unknown): boolean {
  return isFailure(error) && error.reason !== commonErrors.INTERNAL.reason
}

/** An error in words for people. */
export function publicText(error: unknown): string {
  return isFailure(error) && isExpected(error) ? keepable(error.message) : UNEXPECTED
}

/** What Postgres takes as a text, and not too much of it. */
export function keepable(text: string): string {
  return text.replaceAll('\0', '').slice(0, MAX_LENGTH)
}

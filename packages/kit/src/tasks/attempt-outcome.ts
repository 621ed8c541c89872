import { backoffMs, isFailure } from '@tautline/shared'

import { isFinal, publicText } from './attempt-errors.ts'
import type { Begun } from './attempt-rows.ts'
import type { Task, TaskStop } from './definition.ts'
import type { Settlement } from './settle.ts'

/** How the handler of an attempt has ended. */
export type Outcome =
  /** `output` is text. */
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** It would end like this every time, whatever it is tried with; `error` is for people. */
  | { readonly kind: 'refused'; readonly error: string }
  /** It was told to end, and whatever it made of that counts for nothing. */
  | { readonly kind: 'stopped'; readonly stop: TaskStop }

/** Longest that a handler's own hint puts a retry off, in milliseconds, unless its task waits longer. */
const MAX_RETRY_AFTER_MS = 60 * 60_000

const TOOK_TOO_LONG = 'It took longer than it may.'

/** What becomes of the task; undefined when another attempt decides that. */
export function settlementOf(
  outcome: Outcome,
  task: Task,
  { failures }: Pick<Begun, 'failures'>,
): Settlement | undefined {
  switch (outcome.kind) {
    case 'done':
      return { kind: 'end', state: 'succeeded', output: outcome.output, failures }
    case 'refused':
      return { kind: 'end', state: 'failed', error: outcome.error, failures: failures + 1 }
    case 'failed':
      return afterFailure(outcome.error, task, failures)
    case 'stopped':
      if (outcome.stop === 'cancelled') return { kind: 'end', state: 'cancelled', failures }
      if (outcome.stop === 'timed out') return tryAgain(TOOK_TOO_LONG, { task, failures })
      return undefined
  }
}

function afterFailure(error: unknown, task: Task, failures: number): Settlement {
  const text = publicText(error)
  if (isFinal(error)) return { kind: 'end', state: 'failed', error: text, failures: failures + 1 }
  const { retryAfterMs = 0 } = isFailure(error) ? error.details : {}
  return tryAgain(text, { task, failures, retryAfterMs })
}

interface Failed {
  readonly task: Task
  /** Before this one. */
  readonly failures: number
  readonly retryAfterMs?: number
}

function tryAgain(error: string, { task, failures, retryAfterMs = 0 }: Failed): Settlement {
  const { retry } = task
  const counted = failures + 1
  if (counted > retry.limit) return { kind: 'end', state: 'dead', error, failures: counted }
  const hintMs = Number.isFinite(retryAfterMs) ? retryAfterMs : 0
  const boundMs = Math.min(hintMs, Math.max(retry.capMs, MAX_RETRY_AFTER_MS))
  const delayMs = Math.ceil(Math.max(boundMs, backoffMs(failures, retry)))
  return { kind: 'retry', failures: counted, error, delayMs }
}

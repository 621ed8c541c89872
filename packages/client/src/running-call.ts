import type { Operation } from '@trpc/client'

import { commonErrors } from '@tautline/shared'

import type { CallError } from './call-error.ts'
import { clientError } from './to-call-error.ts'

export type CallKind = 'query' | 'mutation'

/** A server counts no further. */
const MAX_TIMEOUT_MS = 3_600_000

/** Of the reasons that any procedure has, the one that says what became of a key. */
const { KEY_REUSED } = commonErrors

export interface RunningCallOptions {
  readonly kind: CallKind
  /** The caller's. */
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  readonly key: string | undefined
  readonly isCallersKey: boolean
}

/** One call as its caller sees it, over all of its attempts. */
export interface RunningCall {
  readonly kind: CallKind
  /** Aborts when the caller's signal does, or when the time is up. */
  readonly signal: AbortSignal
  /** The one idempotency key of all attempts that go with one. */
  readonly key: string | undefined
  /** Whether the caller has brought the key: then it never goes without. */
  readonly isCallersKey: boolean
  /** Whether the next attempt goes with the key. */
  isKeyed: boolean
  /** How many attempts have begun. */
  attempts: number
  /** Whether an attempt may have changed something, and nobody knows. */
  readonly isUnknown: boolean
  /** Milliseconds until the time is up. */
  remainingMs(): number
  /** Tells that an attempt leaves now. */
  sent(): void
  /** Tells how an attempt has failed. */
  failed(error: CallError): void
  /** What the error of the last attempt means for the whole call. */
  explain(error: CallError): CallError
  /** Ends it: stops its timer. */
  end(): void
}

const calls = new WeakSet<object>()

export function startCall(options: RunningCallOptions): RunningCall {
  const { kind, signal: callers, key, isCallersKey } = options
  const timeoutMs = Math.min(options.timeoutMs, MAX_TIMEOUT_MS)
  const deadlineAt = performance.now() + timeoutMs
  const controller = new AbortController()
  let isUnderWay = false
  let isUnknown = false
  let isLate = false

  const leave = () => controller.abort(callers?.reason)
  callers?.addEventListener('abort', leave, { once: true })
  const timer = setTimeout(() => {
    isLate = !controller.signal.aborted
    controller.abort()
  }, timeoutMs)

  const call: RunningCall = {
    kind,
    signal: controller.signal,
    key,
    isCallersKey,
    isKeyed: key !== undefined,
    attempts: 0,
    get isUnknown() {
      return isUnknown
    },
    remainingMs: () => deadlineAt - performance.now(),
    sent() {
      isUnderWay = true
    },
    failed({ reason }) {
      if (controller.signal.aborted) return // by us: it says nothing about the attempt
      isUnderWay = false
      isUnknown ||= leavesUnknown(reason)
    },
    explain(error) {
      if (error.reason === 'ABORTED') {
        if (!isLate) return error
        const mayHaveHappened = kind === 'mutation' && (isUnderWay || isUnknown)
        return clientError(mayHaveHappened ? 'OUTCOME_UNKNOWN' : 'TIMED_OUT')
      }
      return isUnknown && !isTold(error) ? clientError('OUTCOME_UNKNOWN', error) : error
    },
    end() {
      clearTimeout(timer)
      callers?.removeEventListener('abort', leave)
    },
  }
  calls.add(call)
  return call
}

/**
 * Whether the error of a later attempt says what became of an earlier one, or that nobody knows. A
 * refusal at the door, or a server that is not there any more, says nothing about it; what the
 * procedure itself answers under the same key does.
 */
function isTold({ reason, requestId }: CallError): boolean {
  if (leavesUnknown(reason) || reason === KEY_REUSED.reason) return true
  return requestId !== undefined && !Object.hasOwn(commonErrors, reason)
}

/** Whether a mutation that fails so has happened once or not at all. */
export function leavesUnknown(reason: string): boolean {
  return reason === 'OUTCOME_UNKNOWN' || reason === 'COMMIT_UNKNOWN'
}

/** What goes with the operations of a call. */
export function contextOf(call: RunningCall): Record<string, unknown> {
  return { call }
}

/** The call that an operation is an attempt of. */
export function callOf({ context }: Pick<Operation, 'context'>): RunningCall {
  const { call } = context
  if (isCall(call)) return call
  throw new Error('The operation was not made by a client.')
}

function isCall(value: unknown): value is RunningCall {
  return typeof value === 'object' && value !== null && calls.has(value)
}

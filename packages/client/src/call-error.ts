import type { ErrorBody, Issue } from '@tautline/shared'

/** Reasons that no server sends: what the client finds out by itself. */
export const clientReasons = {
  /** The caller's signal aborted the call. */
  ABORTED: 'The call was aborted.',
  /** The input cannot be encoded, or a function that was given to the client threw. */
  NOT_SENT: 'The call could not be made: nothing of it has happened.',
  /** No server was reached; nothing was sent. */
  UNREACHABLE: 'The server cannot be reached.',
  /** The connection broke before a query was answered, or while its session was renewed. */
  CONNECTION_LOST: 'The connection broke before the answer.',
  /**
   * The time of the call was up. Of a mutation nothing has happened: one that the server may have
   * begun fails with `OUTCOME_UNKNOWN` instead.
   */
  TIMED_OUT: 'The call took longer than its caller waits.',
  /**
   * A mutation was sent, and no answer came that says what became of it: the connection broke, or
   * the time was up. It happened once or not at all. With a key of the caller's own, the same call
   * with the same key tells; any other call may do the same a second time.
   */
  OUTCOME_UNKNOWN: 'No answer came: the change may have happened.',
  /** What answered is no Tautline server; nothing was changed. */
  BAD_RESPONSE: 'The answer is not one of a Tautline server.',
} as const

export type ClientReason = keyof typeof clientReasons

/** A call that failed: an `Error` that says why in `reason`, and more in the other fields. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly reason: string
  /** Finds the server's log line; undefined when no server answered. */
  readonly requestId: string | undefined
  /** Whether the same call may succeed later and is safe to send again. */
  readonly retryable: boolean
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs: number | undefined
  /** What is wrong with which part of the input. */
  readonly issues: readonly Issue[]
  /** Typed facts of this reason. */
  readonly data: unknown

  constructor(body: Omit<ErrorBody, 'requestId'> & { requestId?: string }, options: ErrorDetails) {
    super(options.message, { cause: options.cause })
    this.reason = body.reason
    this.requestId = body.requestId
    this.retryable = body.retryable
    this.retryAfterMs = body.retryAfterMs
    this.issues = body.issues ?? []
    this.data = body.data
  }
}

interface ErrorDetails {
  readonly message: string
  readonly cause?: unknown
}

type WithReason<Body> = Body extends { readonly reason: infer Reason }
  ? CallError & { readonly reason: Reason } & (Body extends { readonly data: infer Data }
        ? { readonly data: Data }
        : unknown)
  : never

/** A union by `reason`: the bodies that the procedure declares, and the client's own reasons. */
export type CallErrorOf<Body> = WithReason<Body> | WithReason<{ readonly reason: ClientReason }>

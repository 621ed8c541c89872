/**
 * Where a request failed: `before` anything left, on the `connection`, or by an `answer` that no
 * Tautline server gives.
 */
export type LinkStage = 'before' | 'connection' | 'answer'

interface LinkErrorOptions {
  readonly cause: unknown
  readonly status?: number
  readonly retryAfterMs?: number | undefined
}

/** A request that brought no answer of a Tautline server. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  readonly stage: LinkStage
  /** HTTP status, when there was an answer. */
  readonly status: number | undefined
  /** What its `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(stage: LinkStage, { cause, status, retryAfterMs }: LinkErrorOptions) {
    super(`The request failed: ${stage}.`, { cause })
    this.stage = stage
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** Runs what comes before a request. What it throws is known to have sent nothing. */
export function beforeSending<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new LinkError('before', { cause })
  }
}

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. */
  readonly baseMs: number
  /** Upper bound of any wait, in milliseconds. */
  readonly capMs: number
}

/**
 * Full jitter: a random wait in [0, min(cap, base · 2^attempt)) milliseconds, `attempt` from 0.
 * Spreads rivals best of the usual schemes (AWS Architecture Blog, "Exponential Backoff And
 * Jitter", 2015).
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  return Math.random() * Math.min(options.capMs, options.baseMs * 2 ** attempt)
}

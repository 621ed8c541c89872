/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. */
  readonly baseMs: number
  /** Upper bound of any wait, in milliseconds. */
  readonly capMs: number
  /** A number in [0, 1), as `Math.random` gives, which is the default. */
  readonly random?: () => number
}

/**
 * Full jitter: a random wait in [0, min(cap, base · 2^attempt)) milliseconds, `attempt` from 0.
 * Spreads rivals best of the usual schemes (AWS Architecture Blog, "Exponential Backoff And
 * Jitter", 2015).
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const { baseMs, capMs, random = Math.random } = options
  return random() * Math.min(capMs, baseMs * 2 ** attempt)
}

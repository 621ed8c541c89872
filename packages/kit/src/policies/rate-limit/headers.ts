import type { Rate } from './gcra.ts'
import type { LimitState } from './rate-limit-store.ts'

/**
 * The headers of draft-ietf-httpapi-ratelimit-headers and RFC 9110, as text. Names are those that
 * `checkLimits` lets through, which need no escaping.
 */

/** `RateLimit-Policy`: `"reads";q=600;w=60`, a quota and its window in seconds. */
export function rateLimitPolicy(
  limits: readonly { readonly name: string; readonly rate: Rate }[],
): string {
  return limits
    .map(({ name, rate }) => `"${name}";q=${rate.amount};w=${toSeconds(rate.windowMs)}`)
    .join(', ')
}

/** `RateLimit`: `"reads";r=12;t=3`, what remains and the seconds until nothing is missing. */
export function rateLimit(limits: readonly LimitState[]): string {
  return limits
    .map(({ name, remaining, resetMs }) => `"${name}";r=${remaining};t=${toSeconds(resetMs)}`)
    .join(', ')
}

/** `Retry-After`, in whole seconds and never too few. */
export function retryAfter(retryAfterMs: number): string {
  return String(Math.max(1, toSeconds(retryAfterMs)))
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000)
}

import { createHash } from 'node:crypto'

/** Tokens remembered at most; the one used longest ago goes first. */
export const MAX_CACHED_TOKENS = 1_000

/** What is remembered of a token says at least how long. */
interface Expiring {
  readonly expiresAtMs: number
}

/** Tokens that were verified before, so that each is verified once and not at each call. */
export interface TokenCache<T extends Expiring> {
  /** Undefined for a token that is not in it, and for one whose time is over. */
  get(token: string, now: Date): T | undefined
  set(token: string, verified: T): void
  readonly size: number
}

/** Keeps hashes, so that a heap dump holds no token that is good for anything. */
export function createTokenCache<T extends Expiring>(): TokenCache<T> {
  const entries = new Map<string, T>() // in the order of their last use
  return {
    get(token, now) {
      const key = keyOf(token)
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      if (entry.expiresAtMs <= now.getTime()) return undefined
      entries.set(key, entry)
      return entry
    },
    set(token, verified) {
      entries.set(keyOf(token), verified)
      if (entries.size <= MAX_CACHED_TOKENS) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    },
    get size() {
      return entries.size
    },
  }
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}

import type { VerifiedToken } from './access-token.ts'
import { hashOf } from './opaque-token.ts'

/** Tokens remembered at most; the one used longest ago goes first. */
export const MAX_CACHED_TOKENS = 1_000

/** Tokens that were verified before, so that each is verified once and not at each call. */
export interface TokenCache {
  /** Undefined for a token that is not in it, and for one whose time is over. */
  get(token: string, now: Date): VerifiedToken | undefined
  set(token: string, verified: VerifiedToken): void
  readonly size: number
}

/** Keeps hashes, so that a heap dump holds no token that is good for anything. */
export function createTokenCache(): TokenCache {
  const entries = new Map<string, VerifiedToken>() // in the order of their last use
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
  return hashOf(token).toString('base64')
}

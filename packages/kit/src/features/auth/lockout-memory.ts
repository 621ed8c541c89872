/** Subjects remembered at most; the one remembered first goes first. */
export const MAX_REMEMBERED = 10_000

/**
 * How long a wait is believed without another look, in milliseconds: an attack costs one query a
 * second, and a wait that another process has ended is over here a second later.
 */
export const BELIEVED_MS = 1_000

/** Waits that were read from the database a moment ago. */
export interface LockoutMemory {
  /** Until when the subject has to wait, if that is known without asking. */
  blockedUntil(key: Buffer, now: Date): Date | undefined
  remember(key: Buffer, blockedUntil: Date, now: Date): void
  forget(key: Buffer): void
  readonly size: number
}

interface Entry {
  readonly blockedUntil: Date
  readonly believedUntilMs: number
}

export function createLockoutMemory(): LockoutMemory {
  const entries = new Map<string, Entry>() // in the order in which they were remembered
  return {
    blockedUntil(key, now) {
      const name = nameOf(key)
      const entry = entries.get(name)
      if (!entry) return undefined
      if (entry.believedUntilMs > now.getTime()) return entry.blockedUntil
      entries.delete(name)
      return undefined
    },
    remember(key, blockedUntil, now) {
      const name = nameOf(key)
      const believedUntilMs = Math.min(blockedUntil.getTime(), now.getTime() + BELIEVED_MS)
      entries.delete(name)
      entries.set(name, { blockedUntil, believedUntilMs })
      if (entries.size <= MAX_REMEMBERED) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    },
    forget(key) {
      entries.delete(nameOf(key))
    },
    get size() {
      return entries.size
    },
  }
}

function nameOf(key: Buffer): string {
  return key.toString('base64')
}

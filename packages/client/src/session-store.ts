/** One login, as it is kept: plain JSON, times in milliseconds since 1970. */
export interface StoredSession {
  /** The same from sign-in to sign-out, whatever is renewed in between. */
  readonly loginId: string
  readonly accessToken: string
  readonly expiresAtMs: number
  /** From then on the access token is renewed before a call; null where the clock is not believed. */
  readonly renewAtMs: number | null
  readonly refreshToken: string
  readonly refreshExpiresAtMs: number
}

/**
 * Where a session is kept. Sessions over one store, such as those of a browser's tabs, are one
 * session: what one of them writes, the others read.
 */
export interface SessionStore {
  /** The same for all who share what is stored; names the lock under which one of them refreshes. */
  readonly name: string
  /** What is kept now. Reads anew each time, because another tab may have written. */
  read(): StoredSession | null
  write(session: StoredSession | null): void
  /** Calls `listener` after others have written. Returns its own undo. */
  subscribe?(listener: () => void): () => void
}

/** Forgets everything with the process or the page. Several sessions may share one. */
export function memoryStore(): SessionStore {
  const listeners = new Set<() => void>()
  let held: StoredSession | null = null
  return {
    name: randomId(),
    read: () => held,
    write(session) {
      held = session
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** `crypto.randomUUID` is missing on pages that came over plain HTTP. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

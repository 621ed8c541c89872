import { CallError } from './call-error.ts'
import { orAborted } from './or-aborted.ts'
import { withRefreshLock } from './refresh-lock.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import { clientError } from './to-call-error.ts'

/** A refresh without an answer is given up after this, and tried a second time. */
const REFRESH_TIMEOUT_MS = 5_000

/** Refusals after which no refresh with this token will ever succeed. */
const FINAL = new Set(['REFRESH_REFUSED', 'UNAUTHENTICATED', 'BAD_INPUT'])

/** The server may have refreshed, but its answer did not arrive. */
const ANSWER_LOST = new Set([
  'OUTCOME_UNKNOWN',
  'CONNECTION_LOST',
  'COMMIT_UNKNOWN',
  'ABORTED',
  'TIMED_OUT',
])

/** What a refresh is to be called with. */
export interface RefreshOptions {
  readonly signal: AbortSignal
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number
}

export interface RenewalOptions {
  readonly store: SessionStore
  /** Makes one request for new tokens of this login. */
  readonly refresh: (held: StoredSession, options: RefreshOptions) => Promise<StoredSession>
  /** Keeps what came of it, for this tab and the others. */
  readonly keep: (session: StoredSession | null) => void
}

export interface Renewal {
  /** Whether these tokens are being renewed right now. */
  isUnderWay(seen: StoredSession): boolean
  /**
   * The same login with newer tokens than `seen`; null when the login is over. All who ask while
   * one refresh is under way get its result. Rejects with a `CallError` when the refresh could not
   * be made; the login stays then.
   */
  renew(seen: StoredSession): Promise<StoredSession | null>
}

export function createRenewal(options: RenewalOptions): Renewal {
  const { store } = options
  let flight: { accessToken: string; result: Promise<StoredSession | null> } | undefined
  const isUnderWay = (seen: StoredSession) => flight?.accessToken === seen.accessToken

  return {
    isUnderWay,
    renew(seen) {
      if (flight && isUnderWay(seen)) return flight.result
      const result = withRefreshLock(store.name, () => renewOnce(seen, options)).finally(() => {
        if (flight?.result === result) flight = undefined
      })
      flight = { accessToken: seen.accessToken, result }
      return result
    },
  }
}

async function renewOnce(seen: StoredSession, options: RenewalOptions) {
  const { store, keep } = options
  const held = store.read()
  if (held?.loginId !== seen.loginId) return null
  if (held.accessToken !== seen.accessToken) return held // another tab was faster
  const renewed = await request(held, options)
  const now = store.read()
  // Signed out, or in as somebody else, while the request was under way: that stands.
  if (now?.loginId !== held.loginId) return null
  // Without a lock, another tab's refresh may be the one that made ours be refused.
  if (!renewed && now.refreshToken !== held.refreshToken) return now
  keep(renewed)
  return renewed
}

/** The new tokens, or null when the server refuses for good. */
async function request(held: StoredSession, { refresh }: RenewalOptions) {
  const attempt = async () => {
    const signal = AbortSignal.timeout(REFRESH_TIMEOUT_MS)
    // The time is told too, so that its client begins no wait that goes beyond it.
    return orAborted(refresh(held, { signal, timeoutMs: REFRESH_TIMEOUT_MS }), signal)
  }
  try {
    return await attempt().catch((error: unknown) => {
      // At once, because the server takes the old token again for some seconds only.
      if (error instanceof CallError && ANSWER_LOST.has(error.reason)) return attempt()
      throw error
    })
  } catch (error) {
    if (error instanceof CallError && FINAL.has(error.reason)) return null
    throw explain(error)
  }
}

/** What a failed refresh means to the calls that waited for it: nothing of them has happened. */
function explain(error: unknown): CallError {
  if (!(error instanceof CallError)) return clientError('NOT_SENT', error)
  return ANSWER_LOST.has(error.reason) ? clientError('CONNECTION_LOST', error) : error
}

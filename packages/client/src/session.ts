import { commonErrors } from '@tautline/shared'

import { CallError } from './call-error.ts'
import { createRenewal, type RefreshOptions } from './renewal.ts'
import {
  createListeners,
  stateOf,
  type SessionListener,
  type SessionState,
} from './session-listeners.ts'
import { memoryStore, randomId, type SessionStore, type StoredSession } from './session-store.ts'

/** What a server gives at sign-in and at each refresh. */
export interface SessionTokens {
  readonly accessToken: string
  readonly expiresAt: Date
  readonly refreshToken: string
  readonly refreshExpiresAt: Date
}

export interface SessionOptions {
  /**
   * Asks for new tokens, by a client *without* this session: one with it would wait for itself.
   * Ends the session by rejecting with the reason `REFRESH_REFUSED`.
   */
  readonly refresh: (refreshToken: string, options: RefreshOptions) => Promise<SessionTokens>
  /** Where the tokens are kept. Default: in memory. */
  readonly store?: SessionStore
  /** Tells whether a token has expired. Default: the device's clock. */
  readonly clock?: { now(): Date }
}

/** What a call goes with. */
export interface Access {
  readonly loginId: string
  readonly accessToken: string
}

/** A signed-in user, or nobody: holds the tokens, and renews them when that is due. */
export interface Session {
  /** Read anew each time, so it is right also when another tab has signed in or out. */
  readonly state: SessionState
  /** Calls `listener` after somebody has signed in or out, here or in another tab. Returns its undo. */
  subscribe(listener: SessionListener): () => void
  signIn(tokens: SessionTokens): void
  /** Forgets the tokens. Returns the refresh token, so that the server can be told to end it. */
  signOut(): string | null
  /**
   * For links: what a call goes with, renewed first where it is known to have expired; null when
   * nobody is signed in. Rejects with `UNAUTHENTICATED` when the session turns out to be over, and
   * with the reason of the refresh when that failed.
   */
  access(): Promise<Access | null>
  /** For links: what to replay a refused call with; null when there is nothing, or somebody else. */
  renew(refused: Access): Promise<Access | null>
}

/** Longest time before its end at which an access token is renewed. */
const MAX_MARGIN_MS = 30_000

/**
 * A session for `createClient({ url, session })`:
 *
 * ```ts
 * const anonymous = createClient<AppRouter>({ url })
 * const session = createSession({
 *   refresh: (refreshToken, options) => anonymous.auth.refresh.mutate({ refreshToken }, options),
 * })
 * session.signIn(await anonymous.auth.login.mutate({ email, password }))
 * ```
 */
export function createSession({ refresh, ...options }: SessionOptions): Session {
  const { store = memoryStore(), clock = { now: () => new Date() } } = options
  const listeners = createListeners(store)
  const nowMs = () => clock.now().getTime()

  function keep(session: StoredSession | null) {
    store.write(session)
    listeners.check()
  }
  const renewal = createRenewal({
    store,
    keep,
    refresh: async ({ loginId, refreshToken }, given) =>
      toStored(loginId, await refresh(refreshToken, given), nowMs()),
  })

  return {
    get state() {
      return stateOf(store)
    },
    subscribe: (listener) => listeners.subscribe(listener),
    signIn: (tokens) => keep(toStored(randomId(), tokens, nowMs())),
    signOut() {
      const refreshToken = store.read()?.refreshToken ?? null
      keep(null)
      return refreshToken
    },
    async access() {
      const held = store.read()
      if (!held) return null
      const due = held.renewAtMs !== null && nowMs() >= held.renewAtMs
      if (!due && !renewal.isUnderWay(held)) return held
      const renewed = await renewal.renew(held).catch((error: unknown) => {
        if (due && nowMs() < held.expiresAtMs) return held // early enough to do without
        throw error
      })
      if (!renewed) throw signedOut()
      return renewed
    },
    async renew(refused) {
      const held = store.read()
      if (held?.loginId !== refused.loginId) return null
      return held.accessToken === refused.accessToken ? renewal.renew(held) : held
    },
  }
}

/**
 * A token that has expired on arrival tells that this device's clock is wrong. Such a token is
 * renewed when the server refuses it; by the clock it would be renewed before every call.
 */
function toStored(loginId: string, tokens: SessionTokens, nowMs: number): StoredSession {
  const expiresAtMs = tokens.expiresAt.getTime()
  const lifeMs = expiresAtMs - nowMs
  return {
    loginId,
    accessToken: tokens.accessToken,
    expiresAtMs,
    renewAtMs: lifeMs > 0 ? expiresAtMs - Math.min(MAX_MARGIN_MS, lifeMs / 10) : null,
    refreshToken: tokens.refreshToken,
    refreshExpiresAtMs: tokens.refreshExpiresAt.getTime(),
  }
}

/** As the server would say it. */
export function signedOut(): CallError {
  const { reason, retryable, message } = commonErrors.UNAUTHENTICATED
  return new CallError({ reason, retryable }, { message })
}

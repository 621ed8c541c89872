import type { RefreshOptions } from './renewal.ts'
import { randomId } from './session-store.ts'
import { createSession, type Session, type SessionOptions, type SessionTokens } from './session.ts'

/** What a server tells at sign-in and at each refresh when the tokens are in cookies. */
export type CookieTimes = Pick<SessionTokens, 'expiresAt' | 'refreshExpiresAt'>

export interface CookieSessionOptions extends Omit<SessionOptions, 'refresh'> {
  /**
   * Asks for new cookies, by a client *without* this session: one with it would wait for itself.
   * Ends the session by rejecting with the reason `REFRESH_REFUSED`.
   */
  readonly refresh: (options: RefreshOptions) => Promise<CookieTimes>
}

/** A signed-in user, or nobody, where the browser holds the tokens and scripts never see them. */
export interface CookieSession extends Pick<Session, 'state' | 'subscribe' | 'access' | 'renew'> {
  /** Its calls go with cookies, and with no token. */
  readonly cookies: true
  signIn(times: CookieTimes): void
  /** Forgets that somebody is signed in. Only the server can take the cookies away. */
  signOut(): void
}

/**
 * A session for `createClient({ url, session })` over cookies:
 *
 * ```ts
 * const anonymous = createClient<AppRouter>({ url, cookies: true })
 * const session = createCookieSession({
 *   refresh: (options) => anonymous.auth.refreshCookie.mutate(undefined, options),
 *   store: browserStore('app'),
 * })
 * session.signIn(await anonymous.auth.signInWithCookie.mutate({ email, password }))
 * ```
 *
 * The store keeps when the cookies end, and no token. With `browserStore` all tabs refresh together,
 * as they share the cookies, and a reload knows that somebody is signed in.
 */
export function createCookieSession({ refresh, ...options }: CookieSessionOptions): CookieSession {
  const session = createSession({
    ...options,
    refresh: async (_, given) => withMarks(await refresh(given)),
  })
  return {
    cookies: true,
    get state() {
      return session.state
    },
    subscribe: (listener) => session.subscribe(listener),
    access: () => session.access(),
    renew: (refused) => session.renew(refused),
    signIn: (times) => session.signIn(withMarks(times)),
    signOut() {
      session.signOut()
    },
  }
}

/** In the place of tokens: they tell one renewal from the next, and open nothing. */
function withMarks({ expiresAt, refreshExpiresAt }: CookieTimes): SessionTokens {
  const mark = randomId()
  return { accessToken: mark, refreshToken: mark, expiresAt, refreshExpiresAt }
}

import type { CookieSession } from './cookie-session.ts'
import type { Session } from './session.ts'

type Awaitable<T> = T | Promise<T>

interface CommonOptions {
  /** Where the procedures are: `https://api.example.com/rpc`. */
  readonly url: string
  /** More headers, asked for before each request. */
  readonly headers?: () => Awaitable<Readonly<Record<string, string>>>
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** How long a call may take, in milliseconds, with all of its attempts. Default 30,000, at most an hour. */
  readonly timeoutMs?: number
  /**
   * How often a call is made where making it again does no harm. With `false` it is made once, and a
   * mutation goes without an idempotency key unless the caller brings one; a subscription ends with its
   * first connection. Default: three attempts, and for a subscription as many as it takes.
   */
  readonly retry?: false | RetryPolicy
}

export interface RetryPolicy {
  /** Attempts at most, the first one included. */
  readonly maxAttempts: number
}

interface WithToken {
  /** The access token of the moment, asked for before each request; none goes without. */
  readonly auth?: () => Awaitable<string | null | undefined>
  readonly session?: never
  readonly cookies?: never
}

interface WithSession {
  /** Gives the access token, renews it when it has expired, and replays the calls it kept back. */
  readonly session: Session | CookieSession
  readonly auth?: never
  readonly cookies?: never
}

interface WithCookies {
  /** The browser keeps cookies that come, also from another origin, and sends them along. */
  readonly cookies: true
  readonly auth?: never
  readonly session?: never
}

export type ClientOptions = CommonOptions & (WithToken | WithSession | WithCookies)

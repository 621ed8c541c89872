export { browserStore, type StorageWindow } from './browser-store.ts'
export type { ClientOptions, RetryPolicy } from './client-options.ts'
export { CallError, clientReasons, type CallErrorOf, type ClientReason } from './call-error.ts'
export {
  createCookieSession,
  type CookieSession,
  type CookieSessionOptions,
  type CookieTimes,
} from './cookie-session.ts'
export { createClient } from './create-client.ts'
export type { RefreshOptions } from './renewal.ts'
export { safe, type SafeResult } from './safe.ts'
export type { SessionListener, SessionState } from './session-listeners.ts'
export { memoryStore, type SessionStore, type StoredSession } from './session-store.ts'
export {
  createSession,
  type Access,
  type Session,
  type SessionOptions,
  type SessionTokens,
} from './session.ts'
export type { Call, CallOptions, Client, ErrorOf, MutationOptions, RouterLike } from './types.ts'

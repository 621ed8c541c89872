export { browserStore, type StorageWindow } from './browser-store.ts'
export { CallError, type CallErrorOf, type ClientReason } from './call-error.ts'
export { createClient, type ClientOptions } from './create-client.ts'
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
export type { Call, CallOptions, Client, ErrorOf, RouterLike } from './types.ts'

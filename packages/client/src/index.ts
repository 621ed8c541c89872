export { browserStore, type StorageWindow } from './browser-store.ts'
export type { ClientHandle } from './client-handle.ts'
export type { ClientOptions, RetryPolicy } from './client-options.ts'
export { CallError, clientReasons, type CallErrorOf, type ClientReason } from './call-error.ts'
export {
  createCookieSession,
  type CookieSession,
  type CookieSessionOptions,
  type CookieTimes,
} from './cookie-session.ts'
export { createClient } from './create-client.ts'
export { downloadFile, type Download, type DownloadOptions } from './download.ts'
export { subscriptionLink } from './links/subscription-link.ts'
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
export type { ConnectionState } from './subscription.ts'
export { isOwnEvent, isTask, type OwnEvent, type TaskKind } from './task-kinds.ts'
export {
  watchTask,
  watchTasks,
  type TaskClient,
  type TasksClient,
  type WatchOptions,
  type WatchTaskOptions,
} from './tasks.ts'
export type {
  Call,
  CallOptions,
  Client,
  ErrorOf,
  MutationOptions,
  RouterLike,
  SubscribeOptions,
  Subscriber,
  SubscriptionCallbacks,
  Unsubscribable,
} from './types.ts'
export type { StoredFile, TransferProgress } from './stored-file.ts'
export { uploadFile, type UploadOptions } from './upload.ts'
export type { UploadData } from './upload-source.ts'

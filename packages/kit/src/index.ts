export {
  commonErrors,
  defineError,
  Failure,
  fanOut,
  isFailure,
  type ErrorDefinition,
  type Job,
  type Settled,
} from '@tautline/shared'

export { createApp, type App, type GivenParts } from './app.ts'
export {
  defineApp,
  type AppDefinition,
  type AppOptions,
  type Feature,
  type FeatureLoop,
  type Procedures,
  type RouterOf,
  type TasksOf,
} from './app-definition.ts'
export { ConfigError, readConfig, type Config } from './config.ts'
export * from './db/database.ts'
export { databaseErrorCode, violatedConstraint } from './db/errors.ts'
export { createLoader, type AnsweringRow, type Load } from './db/loader.ts'
export { MAX_PAGE_SIZE, toPage, type Cursors, type Page } from './db/keyset.ts'
export { exportRows, type ExportDefinition, type ExportPolicy } from './exports/definition.ts'
export type {
  FileRules,
  FileStore,
  NewFile,
  OpenFile,
  StagedFile,
  StoredFile,
} from './file-types.ts'
export { FILE_NOT_FOUND } from './files/errors.ts'
export { bearerIdentity, cookieIdentity } from './features/auth/identity.ts'
export { auth, type Auth, type AuthOptions } from './features/auth/auth.ts'
export { usersTag } from './features/auth/tags.ts'
export type { OnRegister, RegisteredUser, Registration } from './features/auth/on-register.ts'
export type { CookieOptions } from './features/auth/session-cookies.ts'
export type { PasswordReset, SendPasswordReset } from './features/auth/reset-message.ts'
export type { ClaimedCaller } from './identity/claims.ts'
export { firstIdentity } from './identity/first-identity.ts'
export { oidcIdentity, type OidcOptions } from './identity/oidc.ts'
export type { Clock } from './platform/clock.ts'
export type { Metrics } from './platform/metrics.ts'
export * from './policies/outgoing/failures.ts'
export type { Method } from './policies/outgoing/hop.ts'
export type { Outgoing, OutgoingRequest } from './policies/outgoing/outgoing.ts'
export type { OutgoingResponse } from './policies/outgoing/send.ts'
export { deleteFilesOf } from './features/files/delete-files.ts'
export {
  files,
  type FilesFeature,
  type FilesOptions,
  type TransferOptions,
} from './features/files/files.ts'
export { cacheControl } from './features/cache/cache-control.ts'
export { deleteNotificationsOf } from './features/notifications/delete-notifications.ts'
export {
  notifications,
  type NotificationsFeature,
  type NotificationsOptions,
} from './features/notifications/notifications.ts'
export { deleteTasksOf } from './features/tasks/delete-tasks.ts'
export { tasks, type TasksFeature, type TasksOptions } from './features/tasks/tasks.ts'
export type { LimitRule, Limits } from './policies/rate-limit/limits.ts'
export type {
  CachedValue,
  CallCache,
  CallContext,
  CallCookies,
  Cookie,
  Identity,
  MutationContext,
  Principal,
  ReadSettings,
  Resources,
} from './resources.ts'
export { mutation, query, subscription } from './rpc/define.ts'
export { isOwnedBy, type DeletedUser } from './rpc/deleted-user.ts'
export type { FeatureLimits } from './rpc/feature-limits.ts'
export { identityOf } from './rpc/handler-context.ts'
export type { Mutation, Query, Subscription, TrackedEvent } from './rpc/definition.ts'
export { tracked } from './rpc/tracked.ts'
export type { Allow, CachePolicy, MutationPolicy, Policy, QueryPolicy } from './rpc/policy.ts'
export type {
  AcceptableTask,
  EnqueuedTask,
  EnqueueOptions,
  TaskAcceptor,
  TaskControl,
  TaskQueue,
  TaskRequest,
} from './task-types.ts'
export type { EndedTask, OnTasksEnd } from './tasks/ended.ts'
export { TaskStopped } from './tasks/attempt-stopped.ts'
export {
  task,
  type StepOptions,
  type StepOutcome,
  type Task,
  type TaskContext,
  type TaskDefinition,
  type TaskKindOf,
  type TaskRetry,
  type TaskSchedule,
  type TaskStop,
} from './tasks/definition.ts'

export { commonErrors, defineError, Failure, type ErrorDefinition } from '@tautline/shared'

export { createApp, type App, type GivenParts } from './app.ts'
export {
  defineApp,
  type AppDefinition,
  type AppOptions,
  type Feature,
  type FeatureLoop,
  type Procedures,
  type RouterOf,
} from './app-definition.ts'
export { ConfigError, readConfig, type Config } from './config.ts'
export * from './db/database.ts'
export { databaseErrorCode, violatedConstraint } from './db/errors.ts'
export { MAX_PAGE_SIZE, toPage, type Cursors, type Page } from './db/keyset.ts'
export { bearerIdentity } from './features/auth/identity.ts'
export { auth, type Auth, type AuthOptions } from './features/auth/auth.ts'
export type { PasswordReset, SendPasswordReset } from './features/auth/reset-message.ts'
export type { Clock } from './platform/clock.ts'
export type { Metrics } from './platform/metrics.ts'
export type { CallContext, Identity, Principal, Resources } from './resources.ts'
export { mutation, query, subscription } from './rpc/define.ts'
export type {
  Allow,
  Mutation,
  MutationPolicy,
  Policy,
  Query,
  Subscription,
} from './rpc/definition.ts'

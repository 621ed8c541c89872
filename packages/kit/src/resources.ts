import type { IncomingHttpHeaders } from 'node:http'

import type { Db } from './db/database.ts'
import type { Cursors } from './db/keyset.ts'
import type { Clock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'
import type { Secrets } from './platform/secrets.ts'

/** Who calls. */
export interface Principal {
  readonly userId: string
  readonly tenantId?: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The token that the call came with, when it has an id. */
  readonly tokenId?: string
  /** The sign-in that the token goes back to. */
  readonly sessionId?: string
  /** The API key that the call came with, where it came with one instead of a sign-in. */
  readonly apiKeyId?: string
  /**
   * Asks whether what the caller has shown still holds, this moment: it may have been revoked since
   * it was signed. `policy.fresh` relies on it, and refuses a caller without it.
   */
  readonly isCurrent?: () => Promise<boolean>
}

/** What a procedure, a task or an identity may use. */
export interface Resources {
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly secrets: Secrets
}

/** The part of an HTTP request that tells who calls. */
export interface IdentityRequest {
  readonly headers: IncomingHttpHeaders
  /** The client's IP address, seen through the trusted proxies; empty when it has already gone. */
  readonly address: string
}

/**
 * Tells who calls. `null` is nobody, also for a token that is forged or has expired: only a
 * procedure that needs a caller refuses then.
 */
export type Identity = (
  request: IdentityRequest,
  resources: Resources,
) => Promise<Principal | null> | Principal | null

/** What a handler sees as `ctx`. */
export interface CallContext<P extends Principal | null = Principal | null> {
  readonly requestId: string
  readonly principal: P
  /** Aborts when the caller has gone or the call's time is up. Queries follow it by themselves. */
  readonly signal: AbortSignal
  /** The transaction of the call in a mutation, the pool elsewhere. */
  readonly db: Db
  /** Runs `run` in a transaction of its own; inside one, in a savepoint of it. */
  readonly transaction: <T>(run: (db: Db) => Promise<T>) => Promise<T>
  /** Cursors that only this procedure, this caller and this filter can use. */
  cursors(filter: unknown): Cursors
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly secrets: Secrets
}

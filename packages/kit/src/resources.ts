import type { IncomingHttpHeaders } from 'node:http'

import type { z } from 'zod'

import type { Db } from './db/database.ts'
import type { Cursors } from './db/keyset.ts'
import type { Notifications } from './db/notifications.ts'
import type { FileStore } from './file-types.ts'
import type { Clock } from './platform/clock.ts'
import type { Logger } from './platform/logger.ts'
import type { Metrics } from './platform/metrics.ts'
import type { Secrets } from './platform/secrets.ts'
import type { CacheScope } from './policies/cache/cache-key.ts'
import type { Outgoing } from './policies/outgoing/outgoing.ts'
import type { TaskControl, TaskQueue, TaskWatcher } from './task-types.ts'

/** Who calls. */
export interface Principal {
  /** Unique within the issuer, and within the tenant where there is one. */
  readonly userId: string
  readonly tenantId?: string
  /** Who vouches for the caller, where it is not this backend. */
  readonly issuer?: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The token that the call came with, when it has an id. */
  readonly tokenId?: string
  /** The sign-in that the token goes back to. */
  readonly sessionId?: string
  /** The API key that the call came with, where it came with one instead of a sign-in. */
  readonly apiKeyId?: string
  /** When what the caller has shown ends by itself: a stream ends then, to be resumed with the next. */
  readonly expiresAt?: Date
  /**
   * Asks whether what the caller has shown still holds, this moment: it may have been revoked since
   * it was signed. `policy.fresh` relies on it, and refuses a caller without it.
   */
  readonly isCurrent?: () => Promise<boolean>
}

/**
 * Settings of a feature's own, by the schema that it declares as `settings`. Throws for a schema that
 * no feature of the backend declares.
 */
export type ReadSettings = <S extends z.ZodObject>(schema: S) => z.output<S>

/** What a procedure, a task or an identity may use. */
export interface Resources {
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly secrets: Secrets
  readonly settings: ReadSettings
  /** Calls to other services; refused inside a transaction. */
  readonly outgoing: Outgoing
  /** Files of any length, and whose they are; in a backend with the feature `files()`. */
  readonly files: FileStore
  /** Background work, for anybody: `tasks.accept(db, { task, input, owner })`. */
  readonly tasks: TaskControl
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

/** A cookie for browsers; the names of others never meet it. */
export interface Cookie {
  readonly name: string
  readonly value: string
  /** How long the browser keeps it, in seconds; 0 removes it. */
  readonly maxAgeS: number
  /** Which pages' requests it goes with: of this site, also when led here, or of every site. */
  readonly sameSite: 'strict' | 'lax' | 'none'
}

/** Cookies of the request that a call came with, and of its answer. */
export interface CallCookies {
  get(name: string): string | undefined
  /**
   * Leave to set cookies, to be asked for before the call changes anything: throws `BAD_INPUT` where
   * the answer is a stream, whose headers have left. They go with whatever the call answers.
   */
  writer(): (cookie: Cookie) => void
}

/** A value that handlers keep in the cache, beside the answers of queries. */
export interface CachedValue {
  /** Names the kind of value, in the whole backend. */
  readonly name: string
  /** What the value depends on: JSON, dates, bigints. */
  readonly input?: unknown
  readonly scope: CacheScope
  readonly tags?: readonly string[]
  /** How long it is fresh, in milliseconds; ±10 %, so that not all expire together. */
  readonly ttlMs: number
  /** For how long after that it may be used while a new one is made, in milliseconds. Default 0. */
  readonly staleMs?: number
}

/** The cache, as a call sees it. */
export interface CallCache {
  /**
   * The kept value, or what `fill` makes, which is then kept: what superjson can carry. In a mutation,
   * and in any transaction, it is always made anew: what is kept may be older than the transaction.
   */
  read<T>(value: CachedValue, fill: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Makes what is kept under the tags invalid: with the commit, in a transaction; else at once. */
  invalidate(tags: readonly string[]): Promise<void>
  /** Makes all that is kept invalid, at once. */
  purge(): Promise<void>
}

/** What a handler sees as `ctx`. */
export interface CallContext<P extends Principal | null = Principal | null> {
  readonly requestId: string
  readonly principal: P
  /** The client's IP address, seen through the trusted proxies; empty when it has already gone. */
  readonly address: string
  readonly cookies: CallCookies
  /** Aborts when the caller has gone or the call's time is up. Queries follow it by themselves. */
  readonly signal: AbortSignal
  /** The transaction of the call in a mutation, the pool elsewhere. */
  readonly db: Db
  /** Runs `run` in a transaction of its own; inside one, in a savepoint of it. */
  readonly transaction: <T>(run: (db: Db) => Promise<T>) => Promise<T>
  readonly cache: CallCache
  /** Cursors that only this procedure, this caller and this filter can use. */
  cursors(filter: unknown): Cursors
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly secrets: Secrets
  readonly settings: ReadSettings
  /** Calls to other services; refused inside a transaction. */
  readonly outgoing: Outgoing
  /** Files of anybody: `files.open(identityOf(ctx.principal), id)`. */
  readonly files: FileStore
}

/** The same in a mutation, which alone may ask for background work. */
export interface MutationContext<P extends Principal | null = Principal | null>
  extends CallContext<P>, TaskQueue {
  /** Background work for others than the caller: `tasks.accept(ctx.db, { task, input, owner })`. */
  readonly tasks: TaskControl
}

/** The same in a subscription. */
export interface SubscriptionContext<
  P extends Principal | null = Principal | null,
> extends CallContext<P> {
  /** The events of tasks, while they happen; in a backend with the feature `tasks()`. */
  readonly taskEvents: TaskWatcher
  /**
   * Hints by NOTIFY, on the one connection of this process that listens: one listener of a channel
   * does for all who wait, as each costs a statement. A hint can be lost with the connection.
   */
  readonly doorbells: Pick<Notifications, 'listen'>
}

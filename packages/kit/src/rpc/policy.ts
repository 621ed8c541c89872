import type { z } from 'zod'

import type { Priority } from '../policies/admission/priority.ts'
import type { CacheScope } from '../policies/cache/cache-key.ts'
import type { LimitRule } from '../policies/rate-limit/limits.ts'
import type { Principal } from '../resources.ts'

/** Who may call: anybody, anybody signed in, or who has a role or a scope. */
export type Allow = 'public' | 'user' | { readonly role: string } | { readonly scope: string }

/** What is declared about a procedure besides its types. */
export interface Policy<A extends Allow = Allow, I extends z.ZodType = z.ZodType> {
  readonly allow: A
  /**
   * Asks at each call whether the caller's session or API key still holds. Without it, a session
   * that was ended is good until its access token is, ten minutes at most. Default false.
   */
  readonly fresh?: boolean
  /**
   * How often it may be called: names of the app's limits, or rules of its own. All of them admit a
   * call, or none is charged. Default: as often as anybody likes.
   */
  readonly limit?: LimitUse | readonly LimitUse[]
  /**
   * Units that a call takes from its limits. A function is asked once the input was parsed, and gives
   * a whole number, where 0 is free; anything else fails the call with `INTERNAL`. A number is charged
   * before that, and is from 1 on. Default 1.
   */
  readonly cost?: number | ((input: z.output<I>) => number)
  /** Who gives way first under load. Default `normal`. */
  readonly priority?: Priority
  /**
   * What a call may ask of the database: how many statements, and how long these may take together,
   * in milliseconds. Both count anew when a transaction is tried again. More than that fails the call
   * in a test, with the line of code that asked, and is a line in the log elsewhere. Default: 20
   * statements and half of `timeoutMs`; of a subscription, any number.
   */
  readonly queries?: { readonly max?: number; readonly timeMs?: number }
  /**
   * Of a subscription: how many streams its reader may have open in one process, of all
   * subscriptions together; one more is refused with `RATE_LIMITED`. Default 5.
   */
  readonly streams?: number
  /** How many calls of it run in one process at the same time, and how many more may wait. */
  readonly concurrency?: { readonly max: number; readonly queue: number }
  /**
   * Longest the call may take, in milliseconds, up to an hour for what is no subscription. Default:
   * queries 5,000, mutations 10,000. A cached query has that long to make an answer that is kept.
   */
  readonly timeoutMs?: number
  /** Largest request body, in bytes, up to 64,000,000. Default 1,000,000. */
  readonly maxBodyBytes?: number
}

/** Name of a limit of the app, or a limit of the procedure's own. */
export type LimitUse = string | LimitRule

/** A caller as caches and tags know them. */
export type Caller = Principal | null

/** Answers of a query that are kept. What is kept has passed the output schema. */
export interface CachePolicy<Input, S extends CacheScope = CacheScope> {
  /** How long an answer is fresh, in milliseconds; ±10 %, so that not all expire together. */
  readonly ttlMs: number
  /** For how long after that it may be served while a new one is made, in milliseconds. Default 0. */
  readonly staleMs?: number
  /**
   * Who shares an answer: everybody, whom the handler then does not know (`ctx.principal` is null);
   * the principals of one tenant with the same roles and scopes, whose `userId` is empty then; one
   * principal. What is the caller's alone (address, cookies, session) no handler sees whose answers
   * are kept.
   */
  readonly scope: S
  /** What changes make an answer invalid at once. Without tags it is valid for its time. */
  readonly tags?: (input: Input, caller: Caller) => readonly string[]
}

export interface QueryPolicy<
  A extends Allow = Allow,
  I extends z.ZodType = z.ZodType,
  S extends CacheScope = CacheScope,
> extends Policy<A, I> {
  readonly cache?: CachePolicy<z.output<I>, S>
}

/** A change that has been made and is about to be committed. */
export interface Change<Input, Output> {
  readonly input: Input
  readonly output: Output
  readonly caller: Caller
}

export interface MutationPolicy<
  A extends Allow = Allow,
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
> extends Policy<A, I> {
  /**
   * `handler` (default): the whole handler is one transaction, committed before the answer and run
   * again when Postgres asks for it (40001, 40P01). `none`: `ctx.db` is the pool, and
   * `ctx.transaction` opens one where it is needed.
   */
  readonly transaction?: 'handler' | 'none'
  /**
   * Whether a call may, or must, bring an idempotency key: calls of one caller with the same key
   * change something once, and all get the same answer, for a day. Default: a call with a key is
   * refused, before it does anything.
   */
  readonly idempotent?: 'required' | 'optional'
  /** Tags whose cached answers the change makes invalid, with its commit. */
  readonly invalidates?: (change: Change<z.output<I>, z.output<O>>) => readonly string[]
}

/** Nobody for sure is `null`; only a public procedure may see that, and one that answers for all. */
export type CallerOf<A extends Allow, S extends CacheScope = 'caller'> = 'public' extends S
  ? null
  : 'public' extends A
    ? Principal | null
    : Principal

/** The policy of any procedure, as it is read while serving. */
export interface AnyPolicy extends Policy {
  readonly cache?: CachePolicy<unknown>
  readonly transaction?: 'handler' | 'none'
  readonly idempotent?: 'required' | 'optional'
  readonly invalidates?: (change: Change<unknown, unknown>) => readonly string[]
}

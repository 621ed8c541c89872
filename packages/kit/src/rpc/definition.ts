import type {
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from '@trpc/server'
import type { z } from 'zod'

import type { BodiesOf, ErrorDefinition, ErrorShape } from '@tautline/shared'

import type { CallContext, Principal } from '../resources.ts'

/** Who may call: anybody, anybody signed in, or who has a role or a scope. */
export type Allow = 'public' | 'user' | { readonly role: string } | { readonly scope: string }

/** What is declared about a procedure besides its types. */
export interface Policy<A extends Allow = Allow> {
  readonly allow: A
  /**
   * Asks at each call whether the caller's session or API key still holds. Without it, a session
   * that was ended is good until its access token is, ten minutes at most. Default false.
   */
  readonly fresh?: boolean
  /** Longest the call may take, in milliseconds. Default: queries 5,000, mutations 10,000. */
  readonly timeoutMs?: number
  /** Largest request body, in bytes. Default 1,000,000. */
  readonly maxBodyBytes?: number
}

export interface MutationPolicy<A extends Allow = Allow> extends Policy<A> {
  /**
   * `handler` (default): the whole handler is one transaction, committed before the answer and run
   * again when Postgres asks for it (40001, 40P01). `none`: `ctx.db` is the pool, and
   * `ctx.transaction` opens one where it is needed.
   */
  readonly transaction?: 'handler' | 'none'
}

/** Nobody for sure is `null`; only a public procedure may see that. */
export type CallerOf<A extends Allow> = 'public' extends A ? Principal | null : Principal

type Schema = z.ZodType

/** What a handler is given. */
export interface Call<I extends Schema, A extends Allow> {
  readonly ctx: CallContext<CallerOf<A>>
  readonly input: z.output<I>
}

/** The one definition of a procedure. */
export interface Definition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
> {
  /** One sentence for people who read the docs. */
  readonly summary: string
  /** What a caller sends. Strict objects refuse what they do not name. Default: nothing. */
  readonly input?: I
  /** What a caller gets; what it does not declare is removed. */
  readonly output: O
  /** The reasons, besides the common ones, that the handler fails with. */
  readonly errors?: E
  readonly policy: Policy<A>
  run(call: Call<I, A>): Promise<z.input<O>>
}

export interface MutationDefinition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
> extends Definition<I, O, A, E> {
  readonly policy: MutationPolicy<A>
}

export interface SubscriptionDefinition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
> extends Omit<Definition<I, O, A, E>, 'run'> {
  /** Yields events of the output's shape, or `tracked(id, event)`, until the signal aborts. */
  run(call: Call<I, A>): AsyncIterable<z.input<O>>
}

export type Kind = 'query' | 'mutation' | 'subscription'

/** The declaration as it stands on the finished procedure, for checks, docs and contracts. */
export interface ProcedureMeta {
  readonly kind: Kind
  readonly summary: string
  readonly policy: MutationPolicy
  readonly errors: readonly ErrorDefinition[]
  /** Only `query`, `mutation` and `subscription` make this. */
  readonly definedBy: 'tautline'
}

interface Types<Input, Output, Failures> {
  input: Input
  output: Output
  errorShape: ErrorShape<BodiesOf<Failures>>
  meta: ProcedureMeta
}

/** A finished query; `Failures` maps its declared reasons to their data. */
export type Query<Input, Output, Failures> = TRPCQueryProcedure<Types<Input, Output, Failures>>

/** A finished mutation. */
export type Mutation<Input, Output, Failures> = TRPCMutationProcedure<
  Types<Input, Output, Failures>
>

/** A finished subscription to events of type `Output`. */
export type Subscription<Input, Output, Failures> = TRPCSubscriptionProcedure<
  Types<Input, AsyncIterable<Output>, Failures>
>

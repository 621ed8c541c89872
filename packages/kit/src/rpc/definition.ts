import type {
  TrackedEnvelope,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from '@trpc/server'
import type { z } from 'zod'

import type { BodiesOf, ErrorDefinition, ErrorShape } from '@tautline/shared'

import type { CacheScope } from '../policies/cache/cache-key.ts'
import type { CallContext, MutationContext, SubscriptionContext } from '../resources.ts'
import type { Allow, AnyPolicy, CallerOf, MutationPolicy, Policy, QueryPolicy } from './policy.ts'

type Schema = z.ZodType

/** What a handler is given. */
export interface Call<I extends Schema, A extends Allow, S extends CacheScope = 'caller'> {
  readonly ctx: CallContext<CallerOf<A, S>>
  readonly input: z.output<I>
}

/** What the handler of a mutation is given. */
export interface MutationCall<I extends Schema, A extends Allow> {
  readonly ctx: MutationContext<CallerOf<A>>
  readonly input: z.output<I>
}

/** What the handler of a subscription is given. */
export interface SubscriptionCall<I extends Schema, A extends Allow> {
  readonly ctx: SubscriptionContext<CallerOf<A>>
  readonly input: z.output<I>
}

/** The one definition of a procedure: what all kinds have. */
interface Definition<
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
  readonly policy: Policy<A, I>
}

export interface QueryDefinition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
  S extends CacheScope,
> extends Definition<I, O, A, E> {
  readonly policy: QueryPolicy<A, I, S>
  run(call: Call<I, A, S>): Promise<z.input<O>>
}

export interface MutationDefinition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
> extends Definition<I, O, A, E> {
  readonly policy: MutationPolicy<A, I, O>
  run(call: MutationCall<I, A>): Promise<z.input<O>>
}

export interface SubscriptionDefinition<
  I extends Schema,
  O extends Schema,
  A extends Allow,
  E extends readonly ErrorDefinition[],
  Event extends EventOf<O>,
> extends Definition<I, O, A, E> {
  /** Yields events of the output's shape, or `tracked(id, event)`, until the signal aborts. */
  run(call: SubscriptionCall<I, A>): AsyncIterable<Event>
}

/**
 * What a subscription may yield: `tracked`, its readers resume after the last event that they got; else
 * they miss what comes while they are away, as at each end of a connection.
 */
export type EventOf<O extends Schema> = z.input<O> | TrackedEnvelope<z.input<O>>

/** A tracked event as readers get it. */
export interface TrackedEvent<Data> {
  id: string
  data: Data
}

/** What readers get of an event. */
export type SentEvent<Event, O extends Schema> = [Event] extends [never]
  ? z.output<O>
  : [Event] extends [TrackedEnvelope<unknown>]
    ? TrackedEvent<z.output<O>>
    : z.output<O>

export type Kind = 'query' | 'mutation' | 'subscription'

/** The declaration as it stands on the finished procedure, for checks, docs and contracts. */
export interface ProcedureMeta {
  readonly kind: Kind
  readonly summary: string
  readonly policy: AnyPolicy
  readonly errors: readonly ErrorDefinition[]
  readonly output: z.ZodType
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

import { z } from 'zod'

import type { ErrorDefinition, FailuresOf } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { orAborted } from '../platform/abort.ts'
import { within } from '../platform/call-scope.ts'
import { startCall } from './call.ts'
import type {
  Allow,
  Definition,
  Kind,
  Mutation,
  MutationDefinition,
  ProcedureMeta,
  Query,
  Subscription,
  SubscriptionDefinition,
} from './definition.ts'
import { encodeAhead } from './encode-ahead.ts'
import { authorise, requireCurrent } from './gates.ts'
import { createHandlerContext, type Known } from './handler-context.ts'
import { streamEvents } from './stream-events.ts'
import { t, toTrpcError } from './trpc.ts'
import { asUnitOfWork } from './unit-of-work.ts'

/**
 * The fixed order of every call, top to bottom as it is written in this file:
 *
 *   observe → authorise → parse input → [transaction] → run → output schema → encode → [commit]
 *
 * tRPC runs what is chained in the order of the chain, and its `next()` never rejects: it resolves
 * to `{ ok: false, error }`. So a wrapper looks at `ok`; none relies on `catch`.
 */

type Schema = z.ZodType
type Errors = readonly ErrorDefinition[]

/** A definition whose exact types the chain need not know. */
type Loose<D> = Omit<D, 'run'> & { run(call: never): Promise<unknown> }
type AnyQuery = Loose<Definition<Schema, Schema, Allow, Errors>>
type AnyMutation = Loose<MutationDefinition<Schema, Schema, Allow, Errors>>
type AnySubscription = Omit<AnyQuery, 'run'> & { run(call: never): AsyncIterable<unknown> }

/** What a handler is called with: as its input schema and `allow` say, which the gates have checked. */
function callOf(ctx: Known, db: Db, input: unknown): never {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the gates are the proof
  return { ctx: createHandlerContext(ctx, db), input } as never
}

/** The gates that every kind has before its input is parsed. */
function opened(kind: Kind, definition: Omit<AnyQuery, 'run'>) {
  const { summary, policy, errors = [] } = definition
  const meta: ProcedureMeta = { kind, summary, policy, errors, definedBy: 'tautline' }
  return t.procedure
    .meta(meta)
    .use(async function observe({ ctx, path, signal, next }) {
      const call = startCall({ procedure: path, meta, signal }, ctx)
      const result = await within(call.scope, () => next({ ctx: { call } }))
      // A subscription has only begun; `streamEvents` ends its call with its last event.
      if (result.ok && kind === 'subscription') return result
      const failure = call.finish(result.ok ? undefined : result.error)
      return failure && !result.ok ? { ...result, error: toTrpcError(failure) } : result
    })
    .use(async function authoriseCaller({ ctx, next }) {
      ctx.call.principal = await orAborted(ctx.identify(), ctx.call.scope.signal)
      authorise(policy.allow, ctx.call.principal)
      if (policy.fresh) await requireCurrent(ctx.call.principal)
      return next()
    })
    .input(definition.input ?? z.void())
}

/** An answer that cannot be encoded is the failure of its own call, and is found before a commit. */
const encodeAnswer = t.middleware(async ({ next }) => {
  const result = await next()
  if (result.ok) encodeAhead(result.data)
  return result
})

function buildQuery(definition: AnyQuery) {
  return opened('query', definition)
    .use(encodeAnswer)
    .output(definition.output)
    .query(({ ctx, input }) => {
      const answer = definition.run(callOf(ctx, ctx.resources.db, input))
      return orAborted(answer, ctx.call.scope.signal)
    })
}

function buildMutation(definition: AnyMutation) {
  const { transaction = 'handler' } = definition.policy
  return opened('mutation', definition)
    .use(async function unitOfWork({ ctx, next }) {
      const pool = ctx.resources.db
      const { signal } = ctx.call.scope
      if (transaction === 'none') return orAborted(next({ ctx: { db: pool } }), signal)
      return asUnitOfWork(pool, signal, async (db) => {
        const result = await next({ ctx: { db } })
        if (!result.ok) throw result.error.cause ?? result.error
        return result
      })
    })
    .use(encodeAnswer)
    .output(definition.output)
    .mutation(({ ctx, input }) => definition.run(callOf(ctx, ctx.db, input)))
}

function buildSubscription(definition: AnySubscription) {
  return opened('subscription', definition).subscription(({ ctx, input }) => {
    const events = definition.run(callOf(ctx, ctx.resources.db, input))
    return streamEvents(events, definition.output, ctx.call)
  })
}

/*
 * The definers. Each casts what the chain above has built to what the definition says it is:
 * inferred through the builder, every procedure would repeat every step of the chain in its type,
 * which costs the checker seconds in a large router. `define.test-d.ts` holds them to the truth.
 */

/** Reads something. Runs on the pool. */
export function query<
  O extends Schema,
  A extends Allow,
  I extends Schema = z.ZodVoid,
  const E extends Errors = [],
>(definition: Definition<I, O, A, E>): Query<z.input<I>, z.output<O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildQuery(definition) as Query<z.input<I>, z.output<O>, FailuresOf<E>>
}

/** Changes something: in one transaction, committed before the answer, unless it says otherwise. */
export function mutation<
  O extends Schema,
  A extends Allow,
  I extends Schema = z.ZodVoid,
  const E extends Errors = [],
>(definition: MutationDefinition<I, O, A, E>): Mutation<z.input<I>, z.output<O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildMutation(definition) as Mutation<z.input<I>, z.output<O>, FailuresOf<E>>
}

/** Sends events for as long as the caller listens. Each event passes the output schema. */
export function subscription<
  O extends Schema,
  A extends Allow,
  I extends Schema = z.ZodVoid,
  const E extends Errors = [],
>(
  definition: SubscriptionDefinition<I, O, A, E>,
): Subscription<z.input<I>, z.output<O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildSubscription(definition) as Subscription<z.input<I>, z.output<O>, FailuresOf<E>>
}

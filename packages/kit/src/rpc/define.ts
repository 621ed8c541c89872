import { getTRPCErrorFromUnknown } from '@trpc/server'
import { z } from 'zod'

import type { ErrorDefinition, FailuresOf } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { orAborted } from '../platform/abort.ts'
import { within } from '../platform/call-scope.ts'
import type { CacheScope } from '../policies/cache/cache-key.ts'
import { toAnswer } from './answer.ts'
import { readThrough } from './cached.ts'
import { startCall } from './call.ts'
import type {
  EventOf,
  Kind,
  Mutation,
  MutationDefinition,
  ProcedureMeta,
  Query,
  QueryDefinition,
  SentEvent,
  Subscription,
  SubscriptionDefinition,
} from './definition.ts'
import { authorise, requireCurrent } from './gates.ts'
import { createHandlerContext, type Known } from './handler-context.ts'
import { createInvalidations } from './invalidations.ts'
import { once, refuseKey } from './keyed.ts'
import { charge, chargeByInput } from './limit.ts'
import type { Allow, AnyPolicy } from './policy.ts'
import { toEventAnswer } from './shared-events.ts'
import { streamEvents } from './stream-events.ts'
import { t, toTrpcError } from './trpc.ts'
import { asUnitOfWork } from './unit-of-work.ts'

/**
 * The fixed order of every call, top to bottom as it is written in this file:
 *
 *   observe → authorise → limit → parse input → limit by what it costs, and then
 *
 *   a query:     [cache →] run → output schema → encode
 *   a mutation:  [idempotency key →] transaction → run → output schema → encode → commit
 *
 * Admission under load comes before all of it, at the door (`http.ts`). tRPC runs what is chained
 * in the order of the chain, and its `next()` never rejects: it resolves to `{ ok: false, error }`.
 */

/** Streams that one reader has open in one process, where the procedure declares no other number. */
const DEFAULT_STREAMS = 5

type Schema = z.ZodType
type Errors = readonly ErrorDefinition[]

/** A definition whose exact types the chain need not know. */
interface Loose {
  readonly summary: string
  readonly input?: Schema
  readonly output: Schema
  readonly errors?: Errors
  readonly policy: AnyPolicy
}
interface AnyHandler extends Loose {
  run(call: never): Promise<unknown>
}
interface AnySubscription extends Loose {
  run(call: never): AsyncIterable<unknown>
}

/** What a handler is called with: as its input schema and `allow` say, which the gates have checked. */
function callOf(ctx: Known, db: Db, input: unknown): never {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the gates are the proof
  return { ctx: createHandlerContext(ctx, db), input } as never
}

/** The gates that every kind has before its input is parsed. */
function opened(kind: Kind, { summary, policy, errors = [], input, output }: Loose) {
  const meta: ProcedureMeta = { kind, summary, policy, errors, output, definedBy: 'tautline' }
  return t.procedure
    .meta(meta)
    .use(async function observe({ ctx, path, signal, next }) {
      const call = startCall({ procedure: path, meta, signal }, ctx)
      const plan = ctx.planOf(path)
      const run = () => next({ ctx: { call, plan } })
      const turn = within(call.scope, () =>
        plan.policy.concurrency ? ctx.inTurn(run, call.scope.signal) : run(),
      )
      const result = await turn.catch((error: unknown) => {
        // Its turn has not come: it has ended all the same.
        const failure = call.finish(getTRPCErrorFromUnknown(error))
        throw failure ? toTrpcError(failure) : error
      })
      // A subscription has only begun; `streamEvents` ends its call with its last event.
      if (result.ok && kind === 'subscription') return result
      const failure = call.finish(result.ok ? undefined : result.error)
      if (failure && result.ok) throw toTrpcError(failure)
      return failure && !result.ok ? { ...result, error: toTrpcError(failure) } : result
    })
    .use(async function authoriseAndLimit({ ctx, next }) {
      ctx.call.principal = await orAborted(ctx.identify(), ctx.call.scope.signal)
      authorise(policy.allow, ctx.call.principal)
      if (policy.fresh) await requireCurrent(ctx.call.principal)
      if (kind === 'mutation') refuseKey(ctx, policy)
      if (typeof policy.cost !== 'function') await charge(ctx, policy.cost ?? 1)
      return next()
    })
    .input(input ?? z.void())
}

function buildQuery(definition: AnyHandler) {
  const { policy, output } = definition
  return opened('query', definition).query(async ({ ctx, input }) => {
    const { db } = ctx.resources
    const { signal } = ctx.call.scope
    await chargeByInput(ctx, policy, input)
    const answer = async (known: Known) =>
      toAnswer(output, await definition.run(callOf(known, db, input)), ctx.plan.exportPath)
    const answered = ctx.plan.inTurn(
      async () => (policy.cache ? readThrough(ctx, policy.cache, { input, answer }) : answer(ctx)),
      signal,
    )
    return orAborted(answered, signal)
  })
}

function buildMutation(definition: AnyHandler) {
  const { policy, output, errors = [] } = definition
  return opened('mutation', definition).mutation(async ({ ctx, input }) => {
    const pool = ctx.resources.db
    const { signal } = ctx.call.scope
    await chargeByInput(ctx, policy, input)
    const invalidations = createInvalidations(ctx.mechanisms.cache)
    const handle = async (db: Db) => {
      const known = { ...ctx, invalidations }
      const result = await definition.run(callOf(known, db, input))
      const answer = await toAnswer(output, result, ctx.plan.exportPath)
      const caller = ctx.call.principal
      invalidations.note(policy.invalidates?.({ input, output: answer, caller }) ?? [])
      return answer
    }
    if (policy.transaction === 'none') {
      return orAborted(
        ctx.plan.inTurn(() => handle(pool), signal),
        signal,
      )
    }
    // A rival that waits for its key takes nobody's turn.
    const transact = <T>(run: (db: Db) => Promise<T>) =>
      ctx.plan.inTurn(
        () => invalidations.around((all) => asUnitOfWork(pool, signal, all), run),
        signal,
      )
    return policy.idempotent ? once(ctx, { errors, transact, handle }) : transact(handle)
  })
}

function buildSubscription(definition: AnySubscription) {
  return opened('subscription', definition).subscription(async ({ ctx, input }) => {
    await chargeByInput(ctx, definition.policy, input)
    ctx.stream?.admit(ctx.call, definition.policy.streams ?? DEFAULT_STREAMS)
    const events = definition.run(callOf(ctx, ctx.resources.db, input))
    const toEvent = (event: unknown) => toEventAnswer(definition.output, event, ctx.plan.exportPath)
    return streamEvents(events, toEvent, ctx.call)
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
  S extends CacheScope = 'caller',
>(definition: QueryDefinition<I, O, A, E, S>): Query<z.input<I>, z.output<O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildQuery(definition as AnyHandler) as Query<z.input<I>, z.output<O>, FailuresOf<E>>
}

/** Changes something: in one transaction, committed before the answer, unless it says otherwise. */
export function mutation<
  O extends Schema,
  A extends Allow,
  I extends Schema = z.ZodVoid,
  const E extends Errors = [],
>(definition: MutationDefinition<I, O, A, E>): Mutation<z.input<I>, z.output<O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildMutation(definition as AnyHandler) as Mutation<z.input<I>, z.output<O>, FailuresOf<E>>
}

/** Sends events for as long as the caller listens. Each event passes the output schema. */
export function subscription<
  O extends Schema,
  A extends Allow,
  I extends Schema = z.ZodVoid,
  const E extends Errors = [],
  Event extends EventOf<O> = z.input<O>,
>(
  definition: SubscriptionDefinition<I, O, A, E, Event>,
): Subscription<z.input<I>, SentEvent<Event, O>, FailuresOf<E>> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- see above
  return buildSubscription(definition as AnySubscription) as Subscription<
    z.input<I>,
    SentEvent<Event, O>,
    FailuresOf<E>
  >
}

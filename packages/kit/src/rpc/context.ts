import { withDeadline } from '../platform/call-scope.ts'
import { createSlots, type Slots } from '../platform/slots.ts'
import type { Refusal } from '../policies/admission/admission.ts'
import { createConcurrency } from '../policies/concurrency/concurrency.ts'
import type { Identity, IdentityRequest, Principal, Resources } from '../resources.ts'
import { createRequestAnswer, type RequestAnswer } from './answer-headers.ts'
import { createRequestCookies, type RequestCookies } from './cookies.ts'
import type { Mechanisms } from './mechanisms.ts'
import type { Plan, Plans } from './plans.ts'
import type { QueryBudgets } from './query-budget.ts'
import type { RequestTiming } from './server-timing.ts'
import type { OpenStream } from './streams.ts'

/** A request's place among those that run. */
export interface Place {
  /** Gives it up before the response closes, to wait for another request. */
  readonly giveWay: () => void
  /** Takes one again after that, or is refused. Rejects with the reason of the signal. */
  readonly comeBack: (signal: AbortSignal) => Promise<Refusal | undefined>
}

/** What the calls of one HTTP request share. */
export interface RequestContext {
  readonly requestId: string
  /** The client's IP address. */
  readonly address: string
  readonly timing: RequestTiming
  readonly cookies: RequestCookies
  readonly answer: RequestAnswer
  readonly resources: Resources
  readonly mechanisms: Mechanisms
  /** A call slower than this is logged with where its time went, in milliseconds. */
  readonly slowCallMs: number
  /** When the caller stops waiting, on the scale of `performance.now()`, where it says so. */
  readonly deadlineAt: number | undefined
  /** What makes a mutation happen once; undefined without one. */
  readonly idempotencyKey: string | undefined
  /** Input of the one call that comes with a key, as it came. */
  readonly rawInput: string
  readonly place: Place
  /** Of a subscription: how it goes out. */
  readonly stream?: OpenStream | undefined
  /** Who calls, found out once, when the first procedure asks. */
  identify(): Promise<Principal | null>
  /** The plan of a procedure that there is. */
  planOf(path: string): Plan
  /** One slot for each call of the request that may hold connections at the same time. */
  readonly connections: Slots
  /** Runs a call that takes a place of its procedure's `concurrency`, when few enough of them run. */
  inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** What each call may ask of the database. */
  readonly budgets: QueryBudgets
}

export interface ContextOptions {
  readonly resources: Resources
  readonly identity: Identity
  readonly mechanisms: Mechanisms
  readonly slowCallMs: number
  readonly budgets: QueryBudgets
}

/** What is known of a request once it was let in. */
export interface ContextRequest extends IdentityRequest {
  readonly requestId: string
  readonly timing: RequestTiming
  readonly plans: Plans
  /** On the scale of `performance.now()`. */
  readonly deadlineAt: number | undefined
  readonly idempotencyKey: string | undefined
  readonly place: Place
}

/** Longest that the queries of an identity may take, in milliseconds. */
const IDENTITY_TIMEOUT_MS = 5_000

/** Calls of one batch that hold connections at the same time; the others wait for theirs. */
export const BATCH_CONNECTIONS = 4

/** Calls of one batch at the bulkheads of their procedures: a batch must not fill their queues alone. */
const BATCH_TURNS = { max: 4, queue: Infinity }

/** Who has sent a request. It is work of the request, not of the call that happens to ask first. */
export function askIdentity(
  request: IdentityRequest,
  { identity, resources }: Pick<ContextOptions, 'identity' | 'resources'>,
): Promise<Principal | null> {
  const ask = async () => identity(request, resources)
  return withDeadline('identity', IDENTITY_TIMEOUT_MS, ask)
}

export function createRequestContext(
  request: ContextRequest,
  { resources, identity, mechanisms, slowCallMs, budgets }: ContextOptions,
): RequestContext & { rawInput: string } {
  let principal: Promise<Principal | null> | undefined
  const { requestId, headers, address, timing, plans, deadlineAt, idempotencyKey, place } = request
  return {
    requestId,
    address,
    timing,
    cookies: createRequestCookies(headers),
    answer: createRequestAnswer(),
    resources,
    mechanisms,
    slowCallMs,
    deadlineAt,
    idempotencyKey,
    rawInput: '',
    place,
    identify: () => (principal ??= askIdentity({ headers, address }, { identity, resources })),
    planOf(path) {
      const plan = plans.get(path)
      if (!plan) throw new Error(`There is no procedure ${path}.`)
      return plan
    },
    connections: createSlots(BATCH_CONNECTIONS),
    inTurn: createConcurrency(BATCH_TURNS).run,
    budgets,
  }
}

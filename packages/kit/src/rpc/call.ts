import { getTRPCErrorFromUnknown, type TRPCError } from '@trpc/server'

import { commonErrors, Failure, isFailure } from '@tautline/shared'

import { within, type CallScope } from '../platform/call-scope.ts'
import { createSharedSlot } from '../platform/slots.ts'
import type { CacheState } from '../policies/cache/reader.ts'
import type { Principal } from '../resources.ts'
import { logCall } from './call-log.ts'
import type { RequestContext } from './context.ts'
import type { ProcedureMeta } from './definition.ts'
import { toFailure } from './failure.ts'
import { queryBoundsOf } from './query-budget.ts'
import { StreamEnd } from './stream-end.ts'

/** Longest call, in milliseconds, where the procedure declares none. Subscriptions have no end. */
const DEFAULT_TIMEOUT_MS = { query: 5_000, mutation: 10_000, subscription: undefined }

/** One call from its first to its last moment: its scope, its timer, its one line in the log. */
export interface RunningCall {
  readonly scope: CallScope
  /** The client's IP address. */
  readonly address: string
  /** Who calls; known once the call was authorised. */
  principal: Principal | null
  /** Where the answer of a cached query came from. */
  cache?: CacheState
  /**
   * Ends the call: stops its timer, counts it, writes its line. Returns what the error means to
   * the caller, or that it went over its query budget, where that fails.
   */
  finish(error?: TRPCError): Failure | undefined
}

export interface CallOptions {
  readonly procedure: string
  readonly meta: ProcedureMeta
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal | undefined
}

export function startCall(options: CallOptions, ctx: RequestContext): RunningCall {
  const { procedure, meta } = options
  const { address } = ctx
  const { metrics, log } = ctx.resources
  const startedAt = performance.now()
  const abort = startAbort(options, ctx.deadlineAt)
  const budget = ctx.budgets.open(procedure, queryBoundsOf(meta, timeoutMsOf(meta)))
  const scope: CallScope = {
    requestId: ctx.requestId,
    procedure,
    kind: meta.kind,
    signal: abort.signal,
    deadlineAt: abort.deadlineAt,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    budget,
    connections: createSharedSlot(ctx.connections),
    changes: 0,
  }

  const call: RunningCall = {
    scope,
    address,
    principal: null,
    finish(error) {
      abort.stop()
      // Also of a call that failed: what it asked may be why.
      const overrun = within(scope, () => budget.end())
      const failed = error ?? (overrun && getTRPCErrorFromUnknown(overrun))
      const failure = failed && explain(toFailure(failed, meta.errors), scope)
      const durationMs = performance.now() - startedAt
      ctx.timing.add({ spent: scope.spent, cache: call.cache, durationMs })
      const outcome = failure?.reason ?? 'OK'
      metrics.count('rpc_calls_total', { procedure, outcome })
      metrics.observe('rpc_duration_seconds', durationMs / 1000, { procedure })
      const slow = meta.kind !== 'subscription' && durationMs >= ctx.slowCallMs
      const userId = call.principal?.userId
      const { cache } = call
      const record = { scope, kind: meta.kind, cache, failure, durationMs, slow, userId, address }
      within(scope, () => logCall(log, record))
      return failure
    },
  }
  return call
}

/**
 * An abort explains whatever it made fail. But a failure that says "nothing was changed" is told
 * only where that is certain: a mutation without one transaction around it may have committed.
 */
function explain(failure: Failure, { signal, changes }: CallScope): Failure {
  if (failure.reason === 'COMMIT_UNKNOWN') return failure
  const told: Failure = isFailure(signal.reason) ? signal.reason : failure
  if (changes === 0 || !claimsNoChange(told)) return told
  return new Failure(commonErrors.COMMIT_UNKNOWN, { cause: failure })
}

/** Reasons, besides the retryable ones, whose callers rely on it that nothing was changed. */
const UNDOING = new Set<string>(['DEADLINE_EXCEEDED', 'RESPONSE_TOO_LARGE'])

function claimsNoChange({ definition }: Failure): boolean {
  return definition.retryable || UNDOING.has(definition.reason)
}

/** How long a call may take, in milliseconds; undefined for one that has no end. */
export function timeoutMsOf({ kind, policy }: Pick<ProcedureMeta, 'kind' | 'policy'>) {
  return policy.timeoutMs ?? DEFAULT_TIMEOUT_MS[kind]
}

/** One signal for the caller's leaving and the call's time being up, by its policy or its caller. */
function startAbort({ meta, signal }: CallOptions, callersDeadlineAt: number | undefined) {
  const controller = new AbortController()
  const leave = () => {
    const isOver = signal?.reason instanceof StreamEnd // by us; whoever reads resumes
    controller.abort(isOver ? signal.reason : new Failure(commonErrors.CLIENT_CLOSED_REQUEST))
  }
  if (signal?.aborted) leave()
  signal?.addEventListener('abort', leave, { once: true })
  const timeoutMs = timeoutMsOf(meta)
  const expire = () => controller.abort(new Failure(commonErrors.DEADLINE_EXCEEDED))
  const now = performance.now()
  const deadlineAt =
    timeoutMs === undefined ? undefined : Math.min(now + timeoutMs, callersDeadlineAt ?? Infinity)
  const timer = deadlineAt === undefined ? undefined : setTimeout(expire, deadlineAt - now)
  return {
    deadlineAt,
    signal: controller.signal,
    stop() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    },
  }
}

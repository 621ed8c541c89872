import type { TRPCError } from '@trpc/server'

import { commonErrors, Failure, isFailure } from '@tautline/shared'

import { within, type CallScope } from '../platform/call-scope.ts'
import type { Principal } from '../resources.ts'
import { logCall } from './call-log.ts'
import type { RequestContext } from './context.ts'
import type { ProcedureMeta } from './definition.ts'
import { toFailure } from './failure.ts'

/** Longest call, in milliseconds, where the procedure declares none. Subscriptions have no end. */
const DEFAULT_TIMEOUT_MS = { query: 5_000, mutation: 10_000, subscription: undefined }

/** One call from its first to its last moment: its scope, its timer, its one line in the log. */
export interface RunningCall {
  readonly scope: CallScope
  /** Who calls; known once the call was authorised. */
  principal: Principal | null
  /**
   * Ends the call: stops its timer, counts it, writes its line. Returns what the error means to
   * the caller.
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
  const { metrics, log } = ctx.resources
  const startedAt = performance.now()
  const abort = startAbort(options)
  const scope: CallScope = {
    requestId: ctx.requestId,
    procedure,
    kind: meta.kind,
    signal: abort.signal,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }

  const call: RunningCall = {
    scope,
    principal: null,
    finish(error) {
      abort.stop()
      const failure = error && explain(toFailure(error, meta.errors), scope)
      const durationMs = performance.now() - startedAt
      ctx.timing.add(scope.spent, durationMs)
      const outcome = failure?.reason ?? 'OK'
      metrics.count('rpc_calls_total', { procedure, outcome })
      metrics.observe('rpc_duration_seconds', durationMs / 1000, { procedure })
      const slow = meta.kind !== 'subscription' && durationMs >= ctx.slowCallMs
      const userId = call.principal?.userId
      const { address } = ctx
      const record = { scope, kind: meta.kind, failure, durationMs, slow, userId, address }
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

function claimsNoChange({ definition }: Failure): boolean {
  return definition.retryable || definition.reason === 'DEADLINE_EXCEEDED'
}

/** One signal for the caller's leaving and the call's time being up. */
function startAbort({ meta, signal }: CallOptions) {
  const controller = new AbortController()
  const leave = () => controller.abort(new Failure(commonErrors.CLIENT_CLOSED_REQUEST))
  if (signal?.aborted) leave()
  signal?.addEventListener('abort', leave, { once: true })
  const timeoutMs = meta.policy.timeoutMs ?? DEFAULT_TIMEOUT_MS[meta.kind]
  const expire = () => controller.abort(new Failure(commonErrors.DEADLINE_EXCEEDED))
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs)
  return {
    signal: controller.signal,
    stop() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    },
  }
}

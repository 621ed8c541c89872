import type { IncomingMessage, ServerResponse } from 'node:http'

import { commonErrors, Failure, isFailure } from '@tautline/shared'

import { toDatabaseFailure } from '../db/errors.ts'
import { currentRequestId, type CallScope } from '../platform/call-scope.ts'
import type { Principal, Resources } from '../resources.ts'
import { logCall, type RawKind } from './call-log.ts'

/** A request that is served without tRPC, and its answer. */
export interface RawRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** The client's IP address. */
  readonly address: string
}

export interface RawCallOptions {
  /** What stands for the procedure: a path without ids. */
  readonly path: string
  readonly kind: RawKind
  /** Whether it may change anything. */
  readonly changes: boolean
  /** What the line in the log says of what went over the wire. */
  readonly sent: object
  /** Told when it has ended, with its reason where it failed. */
  readonly onEnd: (outcome: string, durationMs: number) => void
}

/** One such request from its first to its last moment: its scope, its one line in the log. */
export interface RawCall {
  readonly scope: CallScope
  /** The client's IP address. */
  readonly address: string
  /** Who asks; known once it was let in. */
  principal: Principal | null
  /** Ends it, whatever it is doing. */
  readonly giveUp: (failure: Failure) => void
  /** Writes the line of one that is complete. */
  finish(): void
  /** Writes the line of one that is not. Returns what the error means to the caller. */
  fail(error: unknown): Failure
}

/** It has no deadline: it takes as long as its caller takes. */
export function startRawCall(
  { path, kind, changes, sent, onEnd }: RawCallOptions,
  { response, address }: Pick<RawRequest, 'response' | 'address'>,
  { log }: Pick<Resources, 'log'>,
): RawCall {
  const startedAt = performance.now()
  const controller = new AbortController()
  const { signal } = controller
  const leave = () => {
    if (!response.writableFinished)
      controller.abort(new Failure(commonErrors.CLIENT_CLOSED_REQUEST))
  }
  response.once('close', leave)
  const scope: CallScope = {
    requestId: currentRequestId(),
    procedure: path,
    kind: changes ? 'mutation' : 'query',
    signal,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }

  function end(principal: Principal | null, failure?: Failure): void {
    response.off('close', leave)
    const durationMs = performance.now() - startedAt
    onEnd(failure?.reason ?? 'OK', durationMs)
    const userId = principal?.userId
    const record = { scope, kind, sent, failure, durationMs, userId, address }
    logCall(log, { ...record, cache: undefined, slow: false })
  }

  return {
    scope,
    address,
    principal: null,
    giveUp: (failure) => controller.abort(failure),
    finish() {
      end(this.principal)
    },
    fail(error) {
      const failure = explain(error, signal)
      end(this.principal, failure)
      return failure
    },
  }
}

/** An abort explains whatever it made fail, but for a commit of which nobody knows. */
function explain(error: unknown, signal: AbortSignal): Failure {
  if (isFailure(error) && error.reason === commonErrors.COMMIT_UNKNOWN.reason) return error
  if (isFailure(signal.reason)) return signal.reason
  if (isFailure(error)) return error
  return toDatabaseFailure(error) ?? new Failure(commonErrors.INTERNAL, { cause: error })
}

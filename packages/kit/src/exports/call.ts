import type { IncomingMessage, ServerResponse } from 'node:http'

import { commonErrors, Failure, isFailure } from '@tautline/shared'

import { toDatabaseFailure } from '../db/errors.ts'
import { currentRequestId, type CallScope } from '../platform/call-scope.ts'
import type { Principal, Resources } from '../resources.ts'
import { logCall } from '../rpc/call-log.ts'

/** A request for an export, and its answer. */
export interface ExportRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** The client's IP address. */
  readonly address: string
}

/** How much was sent, and how. */
export interface Sent {
  format?: string
  encoding?: string
  rows: number
  /** Before they were compressed. */
  bytes: number
  /** How often the reader was too slow to be waited for. */
  pauses: number
}

/** One export from its first to its last moment: its scope, its one line in the log. */
export interface ExportCall {
  readonly scope: CallScope
  /** The client's IP address. */
  readonly address: string
  readonly sent: Sent
  /** Who asks; known once it was let in. */
  principal: Principal | null
  /** Ends it, whatever it is doing. */
  readonly giveUp: (failure: Failure) => void
  /** Counts an export that is complete, and writes its line. */
  finish(): void
  /** Counts one that is not, and writes its line. Returns what the error means to the reader. */
  fail(error: unknown): Failure
}

/** It has no deadline: it takes as long as its reader takes. */
export function startExportCall(
  path: string,
  { response, address }: Pick<ExportRequest, 'response' | 'address'>,
  { log, metrics }: Pick<Resources, 'log' | 'metrics'>,
): ExportCall {
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
    kind: 'query',
    signal,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  const sent: Sent = { rows: 0, bytes: 0, pauses: 0 }

  function end(principal: Principal | null, failure?: Failure): void {
    response.off('close', leave)
    const durationMs = performance.now() - startedAt
    metrics.count('exports_total', { path, outcome: failure?.reason ?? 'OK' })
    metrics.count('export_rows_total', { path }, sent.rows)
    metrics.count('export_bytes_total', { path }, sent.bytes)
    metrics.observe('export_duration_seconds', durationMs / 1000, { path })
    const userId = principal?.userId
    const record = { scope, kind: 'export', sent, failure, durationMs, userId, address } as const
    logCall(log, { ...record, cache: undefined, slow: false })
  }

  return {
    scope,
    address,
    sent,
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

/** An abort explains whatever it made fail. */
function explain(error: unknown, signal: AbortSignal): Failure {
  if (isFailure(signal.reason)) return signal.reason
  if (isFailure(error)) return error
  return toDatabaseFailure(error) ?? new Failure(commonErrors.INTERNAL, { cause: error })
}

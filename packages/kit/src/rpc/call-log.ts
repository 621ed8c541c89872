import type { Failure } from '@tautline/shared'

import type { CallScope } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { CacheState } from '../policies/cache/reader.ts'
import type { Kind } from './definition.ts'

/** Kinds of requests that are served without tRPC. */
export type RawKind = 'export' | 'upload' | 'download'

export interface CallRecord {
  readonly scope: CallScope
  readonly kind: Kind | RawKind
  readonly cache: CacheState | undefined
  readonly failure: Failure | undefined
  readonly durationMs: number
  readonly slow: boolean
  readonly userId: string | undefined
  /** Of what is served without tRPC: how much went over the wire, and how. */
  readonly sent?: object
  /** The client's IP address; personal data, as a user's id is. */
  readonly address: string
}

/** Failures that somebody has to look at. */
const ALARMING = new Set<string>(['INTERNAL', 'COMMIT_UNKNOWN'])

/**
 * The one line of a call, also of one that failed: what, who, how it ended, how long it took and
 * how much of that was the database. Never the input.
 */
export function logCall(log: Logger, record: CallRecord): void {
  const { scope, kind, cache, failure, userId, slow } = record
  const line = {
    kind,
    outcome: failure?.reason ?? 'OK',
    ...(cache !== undefined && { cache }),
    ...(record.sent && { sent: record.sent }),
    ...(userId !== undefined && { userId }),
    address: record.address,
    durationMs: round(record.durationMs),
    database: {
      queries: scope.spent.queries,
      queryMs: round(scope.spent.queryMs),
      waitMs: round(scope.spent.waitMs),
    },
  }
  if (failure && ALARMING.has(failure.reason)) {
    log.error({ ...line, err: failure.cause ?? failure }, 'call failed')
  } else if (failure?.definition.retryable) {
    log.warn({ ...line, ...(failure.cause !== undefined && { err: failure.cause }) }, 'call failed')
  } else if (slow) {
    log.warn(line, 'slow call')
  } else {
    log.info(line, failure ? 'call refused' : 'call')
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}

import type { Db } from '../db/database.ts'
import { createCursors } from '../db/keyset.ts'
import { inTransaction } from '../db/transaction.ts'
import type { CallContext, Resources } from '../resources.ts'
import type { RunningCall } from './call.ts'

/** What a call has learnt by the time its handler runs. */
export interface Known {
  readonly call: Pick<RunningCall, 'scope' | 'principal'>
  readonly resources: Resources
}

/** The `ctx` of a handler, on `db`: the pool, or the call's transaction. */
export function createHandlerContext({ call, resources }: Known, db: Db): CallContext {
  const { scope, principal } = call
  return {
    requestId: scope.requestId,
    principal,
    signal: scope.signal,
    db,
    transaction: (run) => inTransaction(db, run),
    cursors: (filter) =>
      createCursors(resources.secrets.key('cursors'), {
        procedure: scope.procedure,
        principal: principal?.userId ?? '',
        filter,
      }),
    log: resources.log,
    metrics: resources.metrics,
    clock: resources.clock,
    secrets: resources.secrets,
  }
}

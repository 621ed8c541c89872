import type { Db } from '../db/database.ts'
import { createCursors } from '../db/keyset.ts'
import { inTransaction, transactionOn } from '../db/transaction.ts'
import type { CallContext, CallCookies, Principal, Resources } from '../resources.ts'
import { createCallCache } from './call-cache.ts'
import type { RunningCall } from './call.ts'
import type { Invalidations } from './invalidations.ts'
import type { Mechanisms } from './mechanisms.ts'

/** What a call has learnt by the time its handler runs. */
export interface Known {
  readonly call: Pick<RunningCall, 'scope' | 'address' | 'principal'>
  readonly cookies: CallCookies
  readonly resources: Resources
  readonly mechanisms: Pick<Mechanisms, 'cache' | 'buildId'>
  /** Of a mutation. */
  readonly invalidations?: Invalidations
}

/** The `ctx` of a handler, on `db`: the pool, or the call's transaction. */
export function createHandlerContext(known: Known, db: Db): CallContext {
  const { call, cookies, resources, mechanisms, invalidations } = known
  const { scope, address, principal } = call
  const { signal } = scope
  const isRoot = db === resources.db
  return {
    requestId: scope.requestId,
    principal,
    address,
    cookies,
    signal,
    db,
    transaction(run) {
      const outer = transactionOn(db)
      if (outer) return inTransaction(outer, run)
      return invalidations && isRoot
        ? invalidations.around((all) => inTransaction(db, all), run)
        : inTransaction(db, run)
    },
    cache: createCallCache({ mechanisms, caller: principal, db, signal, invalidations }),
    cursors: (filter) =>
      createCursors(resources.secrets.key('cursors'), {
        procedure: scope.procedure,
        principal: principal === null ? '' : identityOf(principal),
        filter,
      }),
    log: resources.log,
    metrics: resources.metrics,
    clock: resources.clock,
    secrets: resources.secrets,
    outgoing: resources.outgoing,
  }
}

/** Tells two callers apart, also when another issuer or tenant uses the same id. */
export function identityOf({ issuer, tenantId, userId }: Principal): string {
  return JSON.stringify([issuer ?? null, tenantId ?? null, userId])
}

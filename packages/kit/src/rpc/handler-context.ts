import type { Db } from '../db/database.ts'
import { createCursors } from '../db/keyset.ts'
import { inTransaction, transactionOn } from '../db/transaction.ts'
import type {
  CallCookies,
  MutationContext,
  Principal,
  Resources,
  SubscriptionContext,
} from '../resources.ts'
import { createCallCache } from './call-cache.ts'
import type { RunningCall } from './call.ts'
import type { Invalidations } from './invalidations.ts'
import type { Mechanisms } from './mechanisms.ts'

/** What a call has learnt by the time its handler runs. */
export interface Known {
  readonly call: Pick<RunningCall, 'scope' | 'address' | 'principal'>
  readonly cookies: CallCookies
  readonly resources: Resources
  readonly mechanisms: Pick<Mechanisms, 'cache' | 'buildId' | 'taskEvents' | 'doorbells'>
  /** Of a mutation. */
  readonly invalidations?: Invalidations
}

/** The `ctx` of a handler, on `db`: the pool, or the call's transaction. */
export function createHandlerContext(known: Known, db: Db): MutationContext & SubscriptionContext {
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
    settings: resources.settings,
    outgoing: resources.outgoing,
    files: resources.files,
    tasks: resources.tasks,
    taskEvents: mechanisms.taskEvents,
    doorbells: mechanisms.doorbells,
    async enqueue(task, input, options) {
      // Its type has it in mutations alone.
      if (scope.kind !== 'mutation') throw new Error('Only mutations and tasks may enqueue tasks.')
      const owner = principal === null ? null : identityOf(principal)
      // Under `transaction: 'none'` the one that was opened by `ctx.transaction`, if there is one.
      const around = transactionOn(resources.db) ?? db
      return resources.tasks.accept(around, { task, input, owner, options })
    },
  }
}

/** Tells two callers apart, also when another issuer or tenant uses the same id. */
export function identityOf({
  issuer,
  tenantId,
  userId,
}: Pick<Principal, 'issuer' | 'tenantId' | 'userId'>): string {
  return JSON.stringify([issuer ?? null, tenantId ?? null, userId])
}

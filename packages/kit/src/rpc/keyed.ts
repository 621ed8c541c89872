import { commonErrors, Failure, type ErrorDefinition } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { fingerprintOf } from '../policies/idempotency/keys.ts'
import { fromText, toText } from './answer.ts'
import type { RunningCall } from './call.ts'
import type { RequestContext } from './context.ts'
import { identityOf } from './handler-context.ts'
import type { AnyPolicy } from './policy.ts'

type Keyed = RequestContext & { readonly call: RunningCall }

/**
 * Throws `KEY_NOT_SUPPORTED` for a key that a procedure would ignore: its caller would believe that
 * the call may be sent again. Throws `KEY_REQUIRED` for one that is missing.
 */
export function refuseKey({ idempotencyKey }: Keyed, { idempotent }: AnyPolicy): void {
  if (idempotencyKey !== undefined && !idempotent) {
    throw new Failure(commonErrors.KEY_NOT_SUPPORTED)
  }
  if (idempotencyKey === undefined && idempotent === 'required') {
    throw new Failure(commonErrors.KEY_REQUIRED)
  }
}

/** A mutation that may have a key. */
export interface KeyedMutation {
  readonly errors: readonly ErrorDefinition[]
  /** Runs all of it in one transaction, and commits that. */
  readonly transact: <T>(run: (db: Db) => Promise<T>) => Promise<T>
  readonly handle: (db: Db) => Promise<unknown>
}

/** The answer of a mutation that is run once for its key; without one it is just run. */
export async function once(
  ctx: Keyed,
  { errors, transact, handle }: KeyedMutation,
): Promise<unknown> {
  const { idempotencyKey: key, call, mechanisms } = ctx
  const { procedure, signal, deadlineAt } = call.scope
  if (key === undefined || !call.principal) return transact(handle)
  const answer = await mechanisms.idempotency.run(
    {
      principal: identityOf(call.principal),
      procedure,
      key,
      fingerprint: fingerprintOf(procedure, ctx.rawInput),
      errors,
      signal,
      remainingMs: deadlineAt === undefined ? undefined : deadlineAt - performance.now(),
      onReplay: ctx.answer.replayed,
      onWait: ctx.place.giveWay,
      onTurn: () => ctx.place.comeBack(signal),
    },
    { transact, work: handle, encode: toText },
  )
  return answer.replayed ? fromText(answer.text) : answer.result
}

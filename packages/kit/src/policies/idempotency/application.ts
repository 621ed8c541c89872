import { commonErrors, Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { inTransaction } from '../../db/transaction.ts'
import { offBudget } from '../../platform/call-scope.ts'
import type { Clock } from '../../platform/clock.ts'
import type { KeyedAnswer, KeyedCall, KeyedCallPoint, KeyedWork } from './keyed-call.ts'
import type { KeyName } from './keys.ts'
import { readOutcome, storedAnswer, storedRefusal } from './outcome.ts'
import { findRow, insertRow, KeyBusyError, tryLock } from './rows.ts'

export interface ApplicationParts {
  readonly clock: Clock
  /** Told of each point that a call comes to; whoever answers it tells of `before-response`. */
  readonly observer?: ((point: KeyedCallPoint) => void) | undefined
}

/** What comes out of the transaction. A refusal is thrown only after its commit. */
type Settled<T> = KeyedAnswer<T> | { readonly replayed: boolean; readonly refusal: unknown }

/**
 * One transaction: claim, work, outcome. Throws `KeyBusyError` when another transaction has the key,
 * and has given the connection back by then.
 */
export function createApplication({ clock, observer }: ApplicationParts) {
  const reached = (point: KeyedCallPoint) => observer?.(point)

  /** Inside the transaction. */
  async function settle<T>(db: Db, call: KeyedCall, work: KeyedWork<T>): Promise<Settled<T>> {
    const { principal, procedure, key, fingerprint } = call
    const known = await offBudget(() => findRow(db, call))
    if (known) return replay(known, call)
    reached('after-claim')
    const { text, settled } = await workOnce(db, call, work)
    reached('before-store')
    const created_at = clock.now()
    const row = { principal, procedure, key, fingerprint, outcome: text, created_at }
    await offBudget(() => insertRow(db, row))
    reached('after-store')
    return settled
  }

  /** In a savepoint: of work that is refused, only the refusal stays. */
  async function workOnce<T>(db: Db, call: KeyedCall, { work, encode }: KeyedWork<T>) {
    let result: T
    try {
      result = await inTransaction(db, work)
    } catch (refusal) {
      const text = storedRefusal(refusal, call.errors)
      if (text === undefined) throw refusal
      reached('after-work')
      return { text, settled: { replayed: false, refusal } as const }
    }
    reached('after-work')
    const text = encode(result)
    return { text: storedAnswer(text), settled: { replayed: false, text, result } as const }
  }

  return async <T>(call: KeyedCall, work: KeyedWork<T>, { lock }: KeyName): Promise<Settled<T>> => {
    const settled = await work.transact(async (db) => {
      reached('before-claim')
      if (!(await offBudget(() => tryLock(db, lock))))
        throw new KeyBusyError('Another process is at work.')
      const inside = await settle(db, call, work)
      reached('before-commit')
      return inside
    })
    reached('after-commit')
    return settled
  }
}

type Row = NonNullable<Awaited<ReturnType<typeof findRow>>>

/** What an earlier call has stored. */
function replay({ fingerprint, outcome }: Row, call: KeyedCall): Settled<never> {
  if (!fingerprint.equals(call.fingerprint)) throw new Failure(commonErrors.KEY_REUSED)
  return { replayed: true, ...readOutcome(outcome, call.errors) }
}

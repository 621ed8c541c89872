import { Failure, type Db } from '@tautline/kit'

import { ACCOUNT_FROZEN, ACCOUNT_NOT_FOUND, BALANCE_LIMIT_REACHED } from './errors.ts'
import { book, lockPair, systemAccountId, type Booking } from './ledger.ts'
import { MAX_BALANCE_MINOR, MIN_BALANCE_MINOR } from './schema.ts'

/** Whom to give how much. */
export interface Deposit {
  readonly accountId: string
  readonly currency: string
  readonly amountMinor: bigint
}

/**
 * Gives an account of a user money of the system. To be called in a transaction. Throws
 * `ACCOUNT_NOT_FOUND`, `ACCOUNT_FROZEN`, or `BALANCE_LIMIT_REACHED` when one of the two balances would
 * be beyond a bigint.
 */
export async function deposit(
  db: Db,
  { accountId, currency, amountMinor }: Deposit,
): Promise<Booking> {
  const pair = { fromId: await systemAccountId(db, currency), toId: accountId }
  const { from, to } = await lockPair(db, pair)
  if (!from || !to) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
  if (to.frozen) throw new Failure(ACCOUNT_FROZEN, { data: { which: 'to' } })
  const fits =
    to.balanceMinor + amountMinor <= MAX_BALANCE_MINOR &&
    from.balanceMinor - amountMinor >= MIN_BALANCE_MINOR
  if (!fits) throw new Failure(BALANCE_LIMIT_REACHED)
  return book(db, { ...pair, amountMinor, memo: null })
}

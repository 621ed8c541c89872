import { Failure, type Db } from '@tautline/kit'

import { ACCOUNT_NOT_FOUND, INSUFFICIENT_FUNDS } from './errors.ts'
import { book, lockPair, systemAccountId, type Booking } from './ledger.ts'

/** From whom to take how much. */
export interface Withdrawal {
  readonly accountId: string
  readonly currency: string
  readonly amountMinor: bigint
}

/**
 * Takes money of an account of a user back to the system, whether or not it is frozen. It counts as
 * sent by the account. To be called in a transaction. Throws `ACCOUNT_NOT_FOUND`, or
 * `INSUFFICIENT_FUNDS` when there is less on it. The system has given all that there is, so its own
 * balance is never above zero.
 */
export async function withdraw(
  db: Db,
  { accountId, currency, amountMinor }: Withdrawal,
): Promise<Booking> {
  const pair = { fromId: accountId, toId: await systemAccountId(db, currency) }
  const { from, to } = await lockPair(db, pair)
  if (!from || !to) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
  const missingMinor = amountMinor - from.balanceMinor
  if (missingMinor > 0n) throw new Failure(INSUFFICIENT_FUNDS, { data: { missingMinor } })
  return book(db, { ...pair, amountMinor, memo: null })
}

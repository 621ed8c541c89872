import { sql } from 'kysely'

import { Failure, type Db } from '@tautline/kit'

import { TRANSFER_LIMIT_REACHED } from './errors.ts'
import type { Velocity } from './limits.ts'

/** What an account is about to send. */
export interface Sending {
  readonly fromId: string
  readonly amountMinor: bigint
}

/**
 * Throws `TRANSFER_LIMIT_REACHED` when the account would send more within the window than it may. To
 * be called with the account locked, so that all its transfers are counted, what an
 * admin took back among them.
 *
 * Each transfer carries how many its sender had made by then and how much in all, so nothing is
 * summed up: of those before, one must have left the window for the next to fit, and an index finds
 * it, however many there are.
 */
export async function refuseAboveVelocity(
  db: Db,
  sending: Sending,
  velocity: Velocity,
): Promise<void> {
  if (sending.amountMinor > velocity.maxAmountMinor) throw tooMuch('amount', null)
  const { transfersMs, amountMs } = await findWaits(db, sending, velocity)
  if (transfersMs > 0 && transfersMs >= amountMs) throw tooMuch('transfers', transfersMs)
  if (amountMs > 0) throw tooMuch('amount', amountMs)
}

function tooMuch(limit: 'transfers' | 'amount', retryAfterMs: number | null) {
  return new Failure(TRANSFER_LIMIT_REACHED, {
    data: { limit, retryAfterMs },
    ...(retryAfterMs !== null && { retryAfterMs }),
  })
}

/** Milliseconds until the transfer that is in the way has left the window; at most 0 for none. */
interface Waits {
  readonly transfersMs: number
  readonly amountMs: number
}

async function findWaits(
  db: Db,
  { fromId, amountMinor }: Sending,
  { windowMs, maxTransfers, maxAmountMinor }: Velocity,
): Promise<Waits> {
  const untilGone = sql`
    ceil(${windowMs} - extract(epoch from clock_timestamp() - at) * 1000)::float8`
  // Which transfer must have left, by its number and by what had been sent with it.
  const { rows } = await sql<Waits>`
    with leaving as (
      select nth + 1 - ${maxTransfers} as nth,
        sent_minor + ${amountMinor}::bigint - ${maxAmountMinor}::bigint as sent_minor
      from transfer where from_id = ${fromId} order by transfer.nth desc limit 1
    )
    select
      coalesce((
        select ${untilGone} from transfer
        where from_id = ${fromId} and nth = (select nth from leaving)
      ), 0) as "transfersMs",
      coalesce((
        select ${untilGone} from transfer
        where from_id = ${fromId} and sent_minor >= (select sent_minor from leaving)
          and (select sent_minor > 0 from leaving)
        order by sent_minor limit 1
      ), 0) as "amountMs"`.execute(db)
  const [waits] = rows
  if (!waits) throw new Error('A select without a table gives one row.')
  return waits
}

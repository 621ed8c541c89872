import type { openSession } from '../faults/server-process.ts'
import type { Balances, Booking } from './checker.ts'

type Session = Awaited<ReturnType<typeof openSession>>

/** What every account of a user holds, in one statement. */
export async function readBalances({ client }: Session): Promise<Balances> {
  const { rows } = await client.query<{ id: string; balance: string }>(
    `select id, balance_minor as balance from account where kind = 'user'`,
  )
  return new Map(rows.map(({ id, balance }) => [id, BigInt(balance)]))
}

interface Entry {
  readonly transfer: string
  readonly memo: string
  /** Null where a transfer has no entries. */
  readonly account: string | null
  readonly amount: string | null
}

/** All transfers with a memo, as the ledger has them. */
export async function readBookings({ client }: Session): Promise<Booking[]> {
  const { rows } = await client.query<Entry>(
    `select transfer.id as transfer, memo, account_id as account,
       ledger_entry.amount_minor as amount
     from transfer left join ledger_entry on transfer_id = transfer.id
     where memo is not null`,
  )
  const bookings = new Map<string, { memo: string; changes: Map<string, bigint> }>()
  for (const { transfer, memo, account, amount } of rows) {
    const { changes } = bookings.get(transfer) ?? { changes: new Map<string, bigint>() }
    bookings.set(transfer, { memo, changes })
    if (account === null || amount === null) continue
    changes.set(account, (changes.get(account) ?? 0n) + BigInt(amount))
  }
  return [...bookings.values()]
}

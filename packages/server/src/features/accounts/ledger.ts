import { sql } from 'kysely'

import type { Db } from '@tautline/kit'

/** Two accounts that money is to move between. */
export interface Pair {
  readonly fromId: string
  readonly toId: string
}

/** An account that nobody else changes until the transaction ends. */
export interface LockedAccount {
  readonly id: string
  readonly ownerId: string
  readonly tenantId: string
  readonly kind: 'user' | 'system'
  readonly currency: string
  readonly balanceMinor: bigint
  readonly frozen: boolean
}

/**
 * Locks both accounts in one statement, and always in the order of their ids: two who lock the same
 * pair from opposite ends would wait for each other for ever.
 */
export async function lockPair(
  db: Db,
  { fromId, toId }: Pair,
): Promise<{ from: LockedAccount | undefined; to: LockedAccount | undefined }> {
  const accounts = await db
    .selectFrom('account')
    .select([
      'id',
      'owner_id as ownerId',
      'tenant_id as tenantId',
      'kind',
      'currency',
      'balance_minor as balanceMinor',
      'frozen',
    ])
    .where('id', 'in', [fromId, toId])
    .orderBy('id')
    .forUpdate()
    .execute()
  return {
    from: accounts.find(({ id }) => id === fromId),
    to: accounts.find(({ id }) => id === toId),
  }
}

/** What moves. */
export interface Movement extends Pair {
  readonly amountMinor: bigint
  readonly memo: string | null
}

/** What was booked. */
export interface Booking {
  readonly transferId: string
  readonly fromBalanceMinor: bigint
  readonly at: Date
}

/**
 * Moves money, in one statement: both balances, the transfer and its two entries. To be called with
 * both accounts locked; Postgres itself refuses a balance below zero, and at the commit entries other
 * than the two that the transfer says.
 */
export async function book(
  db: Db,
  { fromId, toId, amountMinor, memo }: Movement,
): Promise<Booking> {
  const signed = (id: string) =>
    sql`case ${sql.ref(id)} when ${fromId} then ${-amountMinor}::bigint else ${amountMinor}::bigint end`
  const { rows } = await sql<Booking>`
    with last as (
      select nth, sent_minor from transfer where from_id = ${fromId} order by nth desc limit 1
    ), moved as (
      update account set balance_minor = balance_minor + ${signed('id')}
      where id in (${fromId}, ${toId})
      returning id, balance_minor
    ), booked as (
      insert into transfer (from_id, to_id, amount_minor, memo, nth, sent_minor)
      select ${fromId}::uuid, ${toId}::uuid, ${amountMinor}::bigint, ${memo}::text,
        coalesce(max(nth), 0) + 1, coalesce(max(sent_minor), 0) + ${amountMinor}::bigint
      from last
      returning id, at
    ), written as (
      insert into ledger_entry (transfer_id, account_id, amount_minor, balance_after_minor)
      select booked.id, moved.id, ${signed('moved.id')}, moved.balance_minor from booked, moved
    )
    select booked.id as "transferId", moved.balance_minor as "fromBalanceMinor", booked.at
    from booked, moved where moved.id = ${fromId}`.execute(db)
  const [booking] = rows
  if (!booking) throw new Error('Both accounts are there, because they are locked.')
  return booking
}

/**
 * Id of the account that all money of a currency comes from; it is made when it is first asked for.
 * Two who ask at the same time get the same one.
 */
export async function systemAccountId(db: Db, currency: string): Promise<string> {
  const system = db
    .selectFrom('account')
    .select('id')
    .where('kind', '=', 'system')
    .where('currency', '=', currency)
  const known = await system.executeTakeFirst()
  if (known) return known.id
  await db
    .insertInto('account')
    .values({ kind: 'system', currency, owner_id: '', tenant_id: '', name: 'System' })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return (await system.executeTakeFirstOrThrow()).id
}

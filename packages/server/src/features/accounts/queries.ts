import { sql, type ExpressionBuilder } from 'kysely'

import type { Database, Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'

const columns = [
  'id',
  'name',
  'currency',
  'balance_minor as balanceMinor',
  'frozen',
  'created_at as createdAt',
] as const

/** Which account, and whose: ownership is part of every query of a user. */
export interface OwnAccount extends Owner {
  readonly id: string
}

const isOwn =
  ({ ownerId, tenantId }: Owner) =>
  (build: ExpressionBuilder<Database, 'account'>) =>
    build.and({ owner_id: ownerId, tenant_id: tenantId, kind: 'user' })

export function insertAccount(
  db: Db,
  { ownerId, tenantId }: Owner,
  account: { readonly currency: string; readonly name: string },
) {
  return db
    .insertInto('account')
    .values({ ...account, owner_id: ownerId, tenant_id: tenantId })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export function findAccount(db: Db, { id, ...owner }: OwnAccount) {
  return db
    .selectFrom('account')
    .select(columns)
    .where('id', '=', id)
    .where(isOwn(owner))
    .executeTakeFirst()
}

/** Sort keys of an account, as text: a JavaScript date would cut Postgres' microseconds. */
export interface AccountPosition {
  readonly createdAt: string
  readonly id: string
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listAccounts(
  db: Db,
  { after, limit, ...owner }: Owner & { after: AccountPosition | undefined; limit: number },
) {
  return db
    .selectFrom('account')
    .select([...columns, sql<string>`created_at::text`.as('position')])
    .where(isOwn(owner))
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`,
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
}

/** What moved on an account, newest first, from the entry before `before` on; one more than `limit`. */
export function listEntries(
  db: Db,
  { accountId, before, limit }: { accountId: string; before: string | undefined; limit: number },
) {
  // Of so few rows Postgres looks up each transfer, on whichever page they are.
  const page = db
    .selectFrom('ledger_entry')
    .select(['id', 'transfer_id', 'account_id', 'amount_minor', 'balance_after_minor'])
    .where('account_id', '=', accountId)
    .$if(before !== undefined, (query) => query.where('id', '<', sql<bigint>`${before}::bigint`))
    .orderBy('id', 'desc')
    .limit(limit + 1)
  return db
    .selectFrom(page.as('entry'))
    .innerJoin('transfer', 'transfer.id', 'entry.transfer_id')
    .select([
      'transfer.id as transferId',
      'entry.amount_minor as amountMinor',
      'balance_after_minor as balanceAfterMinor',
      'memo',
      'at',
      sql<string>`case when to_id = account_id then from_id else to_id end`.as('counterpartyId'),
      sql<string>`entry.id::text`.as('position'),
    ])
    .orderBy('entry.id', 'desc')
    .execute()
}

/** Freezes any user's account, or lets it go again; undefined when there is none, or its owner is gone. */
export function setFrozen(db: Db, { id, frozen }: { id: string; frozen: boolean }) {
  return db
    .updateTable('account')
    .set({ frozen })
    .where('id', '=', id)
    .where('kind', '=', 'user')
    .where('closed_at', 'is', null)
    .returning(['id', 'frozen'])
    .executeTakeFirst()
}

/** In which currency a user's account is, whoever's it is. */
export function findCurrency(db: Db, id: string) {
  return db
    .selectFrom('account')
    .select('currency')
    .where('id', '=', id)
    .where('kind', '=', 'user')
    .executeTakeFirst()
}

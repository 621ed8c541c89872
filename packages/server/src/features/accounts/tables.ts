import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** `account`: money of one owner in one currency. */
export interface AccountTable {
  id: GeneratedAlways<string>
  /** Empty for an account of the system. */
  owner_id: ColumnType<string, string, never>
  /** Empty for an owner without a tenant. */
  tenant_id: ColumnType<string, string, never>
  /** Each currency has one account of the `system`, which all its money comes from. */
  kind: ColumnType<'user' | 'system', 'user' | 'system' | undefined, never>
  /** Three capital letters, as ISO 4217 has them. */
  currency: ColumnType<string, string, never>
  name: string
  /** Sum of its entries, in the smallest unit of the currency; never below 0 for a user. */
  balance_minor: Generated<bigint>
  /** Neither sends nor receives. */
  frozen: Generated<boolean>
  /** When its owner was deleted; it is frozen for good then. */
  closed_at: ColumnType<Date | null, never, Date>
  created_at: ColumnType<Date, never, never>
}

/** `transfer`: what moved from one account to another. Append-only. */
export interface TransferTable {
  id: GeneratedAlways<string>
  from_id: ColumnType<string, string, never>
  to_id: ColumnType<string, string, never>
  /** In the smallest unit of the currency, above 0. */
  amount_minor: ColumnType<bigint, bigint, never>
  memo: ColumnType<string | null, string | null, never>
  /** When it was written, with both accounts locked. */
  at: ColumnType<Date, never, never>
  /** How many transfers its sender had made by then, this one included. */
  nth: ColumnType<bigint, bigint, never>
  /** How much in all, this one included; more than a bigint holds, hence text. */
  sent_minor: ColumnType<string, string, never>
}

/** `ledger_entry`: one side of a transfer. Append-only; each transfer has two, which sum to zero. */
export interface LedgerEntryTable {
  /** Rises with the time for each account. */
  id: GeneratedAlways<bigint>
  transfer_id: ColumnType<string, string, never>
  account_id: ColumnType<string, string, never>
  /** Below 0 for who sends. */
  amount_minor: ColumnType<bigint, bigint, never>
  /** Of the account. */
  balance_after_minor: ColumnType<bigint, bigint, never>
}

declare module '@tautline/kit' {
  interface Database {
    account: AccountTable
    transfer: TransferTable
    ledger_entry: LedgerEntryTable
  }
}

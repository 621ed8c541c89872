// Derived from the migrated database: do not edit.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

import type { Database } from '@tautline/kit'
import type { TableDrift } from '@tautline/kit/testing'

/** What the tables hold. */
interface Tables {
  account: {
    id: Generated<string>
    owner_id: string
    tenant_id: string
    kind: Generated<string>
    currency: string
    name: string
    balance_minor: Generated<bigint>
    frozen: Generated<boolean>
    closed_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  deleted_user: {
    id: string
    deleted_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  item: {
    id: Generated<string>
    owner_id: string
    sku: string
    name: string
    quantity: number
    price_minor: bigint
    version: Generated<number>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    updated_at: ColumnType<Date, Date | string | undefined, Date | string>
    tenant_id: Generated<string>
  }
  item_import: {
    task_id: string
    bytes: Generated<bigint>
    rows: Generated<bigint>
    created: Generated<bigint>
    updated: Generated<bigint>
    skipped: Generated<bigint>
    bad: Generated<bigint>
  }
  item_import_fault: {
    task_id: string
    row_number: bigint
    problem: string
  }
  ledger_entry: {
    account_id: string
    id: GeneratedAlways<bigint>
    transfer_id: string
    amount_minor: bigint
    balance_after_minor: bigint
  }
  transfer: {
    id: Generated<string>
    from_id: string
    to_id: string
    amount_minor: bigint
    memo: string | null
    at: ColumnType<Date, Date | string | undefined, Date | string>
    nth: bigint
    sent_minor: string
  }
}

type Typed = Pick<Database, Exclude<keyof Database, `tautline.${string}`>>

/** Does not compile while a type says otherwise; the error names the table and the column. */
export const drift: TableDrift<Typed, Tables> = 'none'

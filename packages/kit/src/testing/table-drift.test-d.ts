import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

import type { TableDrift } from './table-drift.ts'

/** What a column is, as the database has it, and how the code types it. */
type Drift<Actual, Typed> = TableDrift<{ t: { c: Typed } }, { t: { c: Actual } }>

type Nothing = Record<never, never>

const reads = 't.c: the type reads otherwise than the column'
const inserts = 't.c: the type inserts otherwise than the column'
const updates = 't.c: the type updates otherwise than the column'

export const agree = [
  'none' satisfies Drift<string, string>,
  'none' satisfies Drift<string | null, string | null>,
  'none' satisfies Drift<Generated<bigint>, Generated<bigint>>,
  'none' satisfies Drift<string, 'debit' | 'credit'>,
  'none' satisfies Drift<Generated<string>, GeneratedAlways<string>>,
  'none' satisfies Drift<string, ColumnType<string, string, never>>,
  'none' satisfies Drift<ColumnType<Date, Date | string>, Date>,
  'none' satisfies Drift<ColumnType<Buffer, Uint8Array>, Buffer>,
  'none' satisfies Drift<ColumnType<unknown, string>, ColumnType<{ a: number }, string>>,
]

export const differ = [
  reads satisfies Drift<bigint, number>,
  reads satisfies Drift<string, number | string>,
  reads satisfies Drift<string | null, string>,
  reads satisfies Drift<string, string | null>,
  inserts satisfies Drift<string, ColumnType<string, string | number, string>>,
  inserts satisfies Drift<string, Generated<string>>,
  inserts satisfies Drift<string, ColumnType<string, never, string>>,
  inserts satisfies Drift<GeneratedAlways<bigint>, bigint>,
  updates satisfies Drift<ColumnType<Date, Date>, ColumnType<Date, Date, string>>,
  updates satisfies Drift<GeneratedAlways<bigint>, ColumnType<bigint, never, bigint>>,
]

export const missing = [
  't: the table has no type' satisfies TableDrift<Nothing, { t: Nothing }>,
  't: the database has no such table' satisfies TableDrift<{ t: Nothing }, Nothing>,
  't.c: the column has no type' satisfies TableDrift<{ t: Nothing }, { t: { c: string } }>,
  't.c: the table has no such column' satisfies TableDrift<{ t: { c: string } }, { t: Nothing }>,
]

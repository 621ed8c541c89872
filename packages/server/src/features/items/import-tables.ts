import type { ColumnType, Generated } from 'kysely'

/** `item_import`: how far an import is. Written with the items of the rows that it counts. */
export interface ItemImportTable {
  task_id: ColumnType<string, string, never>
  /** Of the file: everything before is done. */
  bytes: Generated<bigint>
  /** Of the file, without its line of titles: so many are done, each of them one of the following. */
  rows: Generated<bigint>
  created: Generated<bigint>
  updated: Generated<bigint>
  skipped: Generated<bigint>
  bad: Generated<bigint>
}

/** `item_import_fault`: a row that is no item, and why. */
export interface ItemImportFaultTable {
  task_id: ColumnType<string, string, never>
  /** From 1, without the line of titles. */
  row_number: ColumnType<bigint, bigint, never>
  /** For people. */
  problem: ColumnType<string, string, never>
}

declare module '@tautline/kit' {
  interface Database {
    item_import: ItemImportTable
    item_import_fault: ItemImportFaultTable
  }
}

import type { ColumnType } from 'kysely'

/** `tautline.idempotency`: how a keyed call ended. */
export interface IdempotencyTable {
  principal: ColumnType<string, string, never>
  procedure: ColumnType<string, string, never>
  key: ColumnType<string, string, never>
  /** SHA-256 of the procedure and the input. */
  fingerprint: ColumnType<Buffer, Uint8Array, never>
  /** Text, not json, which would refuse an escaped NUL and forget the order of fields. */
  outcome: ColumnType<string, string, never>
  created_at: ColumnType<Date, Date, never>
}

declare module '../../db/database.ts' {
  interface Database {
    'tautline.idempotency': IdempotencyTable
  }
}

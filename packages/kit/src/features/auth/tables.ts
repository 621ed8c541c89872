import type { ColumnType, GeneratedAlways } from 'kysely'

/** `tautline.user`: who can sign in. */
export interface UserTable {
  id: GeneratedAlways<string>
  /** Lower case; unique. */
  email: string
  name: string
  /** argon2id, in PHC string form. */
  password_hash: string
  created_at: ColumnType<Date, never, never>
}

declare module '../../db/database.ts' {
  interface Database {
    'tautline.user': UserTable
  }
}

import type { ColumnType } from 'kysely'

/** `deleted_user`: who was deleted, until nothing more can become theirs. */
export interface DeletedUserTable {
  /** Text, as the `owner_id` of what they left. */
  id: ColumnType<string, string, never>
  deleted_at: ColumnType<Date, never, never>
}

declare module '@tautline/kit' {
  interface Database {
    deleted_user: DeletedUserTable
  }
}

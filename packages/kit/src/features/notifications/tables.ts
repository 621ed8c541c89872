import type { ColumnType, Generated } from 'kysely'

import type { EndedTask } from '../../tasks/ended.ts'

/** `tautline.notification`: what somebody is to know. */
export interface NotificationTable {
  id: Generated<string>
  /** As `identityOf` writes a principal. */
  owner: ColumnType<string, string, never>
  /** Its owner's own numbers, from 1; null until anybody has looked. */
  seq: number | null
  kind: ColumnType<'task', 'task', never>
  task_id: ColumnType<string, string, never>
  /** Of the task. */
  name: ColumnType<string, string, never>
  state: ColumnType<EndedTask['state'], EndedTask['state'], never>
  /** Why the task has failed, for people. */
  error: ColumnType<string | null, string | null, never>
  read_at: Date | null
  created_at: ColumnType<Date, never, never>
}

/** `tautline.notification_counter`: the last number that an owner's notifications have got. */
export interface NotificationCounterTable {
  owner: ColumnType<string, string, never>
  last_seq: number
}

declare module '../../db/database.ts' {
  interface Database {
    'tautline.notification': NotificationTable
    'tautline.notification_counter': NotificationCounterTable
  }
}

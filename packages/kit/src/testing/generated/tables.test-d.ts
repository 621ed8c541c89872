// Derived from the migrated database: do not edit.
import type { ColumnType, Generated } from 'kysely'

import type { Database } from '@tautline/kit'
import type { TableDrift } from '@tautline/kit/testing'

/** What the tables hold. */
interface Tables {
  'tautline.api_key': {
    id: Generated<string>
    user_id: string
    name: string
    prefix: string
    hash: ColumnType<Buffer, Uint8Array, Uint8Array>
    scopes: string[]
    created_at: ColumnType<Date, Date | string, Date | string>
    last_used_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    expires_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    revoked_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  'tautline.file': {
    id: Generated<string>
    owner: string | null
    name: string
    content_type: string
    size: bigint
    sha256: ColumnType<Buffer, Uint8Array, Uint8Array>
    storage_key: string
    upload_key: string | null
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  'tautline.file_unclaimed': {
    storage_key: string
    remove_after: ColumnType<Date, Date | string, Date | string>
    doomed: Generated<boolean>
  }
  'tautline.file_usage': {
    owner: string
    files: number
    bytes: bigint
  }
  'tautline.idempotency': {
    principal: string
    procedure: string
    key: string
    fingerprint: ColumnType<Buffer, Uint8Array, Uint8Array>
    outcome: string
    created_at: ColumnType<Date, Date | string, Date | string>
  }
  'tautline.login_attempt': {
    subject: ColumnType<Buffer, Uint8Array, Uint8Array>
    failures: number
    blocked_until: ColumnType<Date, Date | string, Date | string>
    forget_at: ColumnType<Date, Date | string, Date | string>
  }
  'tautline.notification': {
    id: Generated<string>
    owner: string
    seq: number | null
    kind: string
    task_id: string
    name: string
    state: string
    error: string | null
    read_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  'tautline.notification_counter': {
    owner: string
    last_seq: number
  }
  'tautline.password_reset': {
    address: ColumnType<Buffer, Uint8Array, Uint8Array>
    token_hash: ColumnType<Buffer, Uint8Array, Uint8Array>
    user_id: string | null
    expires_at: ColumnType<Date, Date | string, Date | string>
  }
  'tautline.process': {
    id: string
    started_at: ColumnType<Date, Date | string, Date | string>
    seen_at: ColumnType<Date, Date | string, Date | string>
  }
  'tautline.refresh_token': {
    hash: ColumnType<Buffer, Uint8Array, Uint8Array>
    session_id: string
    expires_at: ColumnType<Date, Date | string, Date | string>
    used_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  'tautline.session': {
    id: Generated<string>
    user_id: string
    created_at: ColumnType<Date, Date | string, Date | string>
    last_used_at: ColumnType<Date, Date | string, Date | string>
    expires_at: ColumnType<Date, Date | string, Date | string>
    revoked_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  'tautline.task': {
    id: Generated<string>
    name: string
    owner: string | null
    input: string
    state: Generated<string>
    attempt: Generated<number>
    failures: Generated<number>
    job_id: string | null
    priority: number
    dedupe_key: string | null
    output: string | null
    error: string | null
    progress_current: number | null
    progress_total: number | null
    progress_message: string | null
    last_seq: Generated<number>
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    started_at: ColumnType<Date | null, Date | string | null, Date | string | null>
    finished_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  'tautline.task_cancel': {
    task_id: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  'tautline.task_event': {
    task_id: string
    seq: number
    attempt: number
    type: string
    data: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
  }
  'tautline.task_schedule': {
    name: string
    spec: string
    next_at: ColumnType<Date | null, Date | string | null, Date | string | null>
  }
  'tautline.task_step': {
    task_id: string
    key: string
    state: string
    attempt: number
    output: string | null
    error: string | null
  }
  'tautline.user': {
    id: Generated<string>
    email: string
    name: string
    password_hash: string
    created_at: ColumnType<Date, Date | string | undefined, Date | string>
    roles: Generated<string[]>
  }
}

type Typed = Pick<Database, Extract<keyof Database, `tautline.${string}`>>

/** Does not compile while a type says otherwise; the error names the table and the column. */
export const drift: TableDrift<Typed, Tables> = 'none'

import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** `tautline.user`: who can sign in. */
export interface UserTable {
  id: GeneratedAlways<string>
  /** Lower case; unique. */
  email: string
  name: string
  /** argon2id, in PHC string form. */
  password_hash: string
  roles: Generated<string[]>
  created_at: ColumnType<Date, never, never>
}

/** `tautline.session`: one signing in, and all tokens that came of it. */
export interface SessionTable {
  id: GeneratedAlways<string>
  user_id: ColumnType<string, string, never>
  created_at: ColumnType<Date, Date, never>
  last_used_at: Date
  /** When its last refresh token ends. */
  expires_at: Date
  revoked_at: Date | null
}

/** `tautline.refresh_token`: of a session, one is not used yet (a unique index sees to it). */
export interface RefreshTokenTable {
  /** SHA-256. */
  hash: ColumnType<Buffer, Buffer, never>
  session_id: ColumnType<string, string, never>
  expires_at: ColumnType<Date, Date, never>
  /** When it was exchanged for its successor, or its successor for another. */
  used_at: Date | null
}

/** `tautline.login_attempt`: failures that count against a subject; most subjects have no row. */
export interface LoginAttemptTable {
  /** SHA-256 of what was tried and the address it was tried on. */
  subject: Buffer
  failures: number
  /** In the past when the subject is not blocked. */
  blocked_until: Date
  /** When the failures no longer count. */
  forget_at: Date
}

/** `tautline.password_reset`: one open request for each address, known or not. */
export interface PasswordResetTable {
  /** SHA-256 of the address. */
  address: Buffer
  token_hash: Buffer
  /** Null where nobody has the address: the row is there so that both cost the same. */
  user_id: string | null
  expires_at: Date
}

/** `tautline.api_key`. */
export interface ApiKeyTable {
  id: GeneratedAlways<string>
  user_id: ColumnType<string, string, never>
  name: string
  /** What its owner knows it by; not secret. */
  prefix: ColumnType<string, string, never>
  /** SHA-256. */
  hash: ColumnType<Buffer, Buffer, never>
  scopes: ColumnType<string[], string[], never>
  created_at: ColumnType<Date, Date, never>
  /** To the minute. */
  last_used_at: Date | null
  expires_at: Date | null
  revoked_at: Date | null
}

declare module '../../db/database.ts' {
  interface Database {
    'tautline.user': UserTable
    'tautline.session': SessionTable
    'tautline.refresh_token': RefreshTokenTable
    'tautline.login_attempt': LoginAttemptTable
    'tautline.password_reset': PasswordResetTable
    'tautline.api_key': ApiKeyTable
  }
}

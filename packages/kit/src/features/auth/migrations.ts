import { sql } from 'kysely'

import type { Migrations } from '../../db/migrations.ts'

export const authMigrations: Migrations = {
  auth_0001_user: {
    async up(db) {
      await db.schema
        .createTable('tautline.user')
        .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
        .addColumn('email', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
        .addCheckConstraint('user_email_lower', sql`email = lower(email)`)
        .execute()
    },
  },

  auth_0002_session: {
    async up(db) {
      await sql`
        create table tautline.session (
          id uuid primary key default gen_random_uuid(),
          user_id uuid not null references tautline.user on delete cascade,
          created_at timestamptz not null,
          last_used_at timestamptz not null,
          expires_at timestamptz not null,
          revoked_at timestamptz
        )`.execute(db)
      await sql`create index session_user_id on tautline.session (user_id)`.execute(db)
      await sql`create index session_expires_at on tautline.session (expires_at)`.execute(db)
      await sql`
        create table tautline.refresh_token (
          hash bytea primary key,
          session_id uuid not null references tautline.session on delete cascade,
          expires_at timestamptz not null,
          used_at timestamptz
        )`.execute(db)
      await sql`
        create index refresh_token_session_id on tautline.refresh_token (session_id)`.execute(db)
      await sql`
        create index refresh_token_expires_at on tautline.refresh_token (expires_at)`.execute(db)
      await sql`
        create unique index refresh_token_one_live on tautline.refresh_token (session_id)
        where used_at is null`.execute(db)
    },
  },

  auth_0003_login_attempt: {
    async up(db) {
      await sql`
        create table tautline.login_attempt (
          subject bytea primary key,
          failures integer not null,
          blocked_until timestamptz not null,
          forget_at timestamptz not null
        )`.execute(db)
      await sql`
        create index login_attempt_forget_at on tautline.login_attempt (forget_at)`.execute(db)
    },
  },

  auth_0004_password_reset: {
    async up(db) {
      await sql`
        create table tautline.password_reset (
          address bytea primary key,
          token_hash bytea not null unique,
          user_id uuid references tautline.user on delete cascade,
          expires_at timestamptz not null
        )`.execute(db)
      await sql`create index password_reset_user_id on tautline.password_reset (user_id)`.execute(
        db,
      )
      await sql`
        create index password_reset_expires_at on tautline.password_reset (expires_at)`.execute(db)
    },
  },

  auth_0005_api_key: {
    async up(db) {
      await sql`
        create table tautline.api_key (
          id uuid primary key default gen_random_uuid(),
          user_id uuid not null references tautline.user on delete cascade,
          name text not null,
          prefix text not null,
          hash bytea not null unique,
          scopes text[] not null,
          created_at timestamptz not null,
          last_used_at timestamptz,
          expires_at timestamptz,
          revoked_at timestamptz
        )`.execute(db)
      await sql`create index api_key_user_id on tautline.api_key (user_id)`.execute(db)
    },
  },

  auth_0006_user_roles: {
    async up(db) {
      await sql`
        alter table tautline.user add column roles text[] not null default '{}'`.execute(db)
    },
  },
}

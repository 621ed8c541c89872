import { sql } from 'kysely'

import type { Migrations } from '../db/migrations.ts'

export const fileMigrations: Migrations = {
  files_0001_file: {
    async up(db) {
      await sql`
        create table tautline.file (
          id uuid primary key default gen_random_uuid(),
          owner text,
          name text not null,
          content_type text not null,
          size bigint not null check (size >= 0),
          sha256 bytea not null check (length(sha256) = 32),
          storage_key text not null unique,
          upload_key text,
          created_at timestamptz not null default now()
        )`.execute(db)
      await sql`
        create index file_owner_newest on tautline.file (owner, created_at desc, id desc)`.execute(
        db,
      )
      await sql`
        create index file_owner_end on tautline.file (reverse(owner) text_pattern_ops)`.execute(db)
      await sql`
        create unique index file_upload_key on tautline.file (owner, upload_key)
        where upload_key is not null`.execute(db)
      await sql`
        create table tautline.file_usage (
          owner text primary key,
          files integer not null check (files >= 0),
          bytes bigint not null check (bytes >= 0)
        )`.execute(db)
      await sql`
        create index file_usage_owner_end
        on tautline.file_usage (reverse(owner) text_pattern_ops)`.execute(db)
      await sql`
        create table tautline.file_unclaimed (
          storage_key text primary key,
          remove_after timestamptz not null,
          doomed boolean not null default false
        )`.execute(db)
      await sql`
        create index file_unclaimed_remove_after
        on tautline.file_unclaimed (remove_after)`.execute(db)
    },
  },
}

import { sql } from 'kysely'

import type { Migrations } from '../../db/migrations.ts'

export const notificationMigrations: Migrations = {
  // Those without a number are few: they get one as soon as anybody looks.
  notifications_0001_notification: {
    async up(db) {
      await sql`
        create table tautline.notification (
          id uuid primary key default gen_random_uuid(),
          owner text not null,
          seq integer,
          kind text not null,
          task_id uuid not null,
          name text not null,
          state text not null check (state in ('succeeded', 'failed', 'dead', 'cancelled')),
          error text,
          read_at timestamptz,
          created_at timestamptz not null default now()
        )`.execute(db)
      await sql`
        create unique index notification_owner_seq on tautline.notification (owner, seq)
        where seq is not null`.execute(db)
      await sql`
        create index notification_owner_end
        on tautline.notification (reverse(owner) text_pattern_ops)`.execute(db)
      await sql`
        create index notification_new on tautline.notification (owner) where seq is null`.execute(
        db,
      )
      await sql`
        create index notification_unread on tautline.notification (owner, seq)
        where read_at is null`.execute(db)
      await sql`
        create index notification_read_at on tautline.notification (read_at)
        where read_at is not null`.execute(db)
      await sql`
        create index notification_unread_created_at on tautline.notification (created_at)
        where read_at is null`.execute(db)
      await sql`
        create table tautline.notification_counter (
          owner text primary key,
          last_seq integer not null
        )`.execute(db)
      await sql`
        create index notification_counter_owner_end
        on tautline.notification_counter (reverse(owner) text_pattern_ops)`.execute(db)
    },
  },
}

import { sql } from 'kysely'

import type { Migrations } from '../db/migrations.ts'
import { createAcceptFunction } from './accept-function.ts'

export const taskMigrations: Migrations = {
  tasks_0001_task: {
    async up(db) {
      await sql`
        create table tautline.task (
          id uuid primary key default gen_random_uuid(),
          name text not null,
          owner text,
          input text not null,
          state text not null default 'queued'
            check (state in ('queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled')),
          attempt integer not null default 0,
          failures integer not null default 0,
          job_id uuid,
          priority integer not null,
          dedupe_key text,
          output text,
          error text,
          progress_current double precision,
          progress_total double precision,
          progress_message text,
          last_seq integer not null default 0,
          created_at timestamptz not null default now(),
          started_at timestamptz,
          finished_at timestamptz,
          constraint task_finished check (
            (finished_at is null) = (state in ('queued', 'running'))
          )
        )`.execute(db)
      await sql`
        create index task_owner_newest on tautline.task (owner, created_at desc, id desc)`.execute(
        db,
      )
      await sql`
        create index task_owner_end on tautline.task (reverse(owner) text_pattern_ops)`.execute(db)
      await sql`
        create index task_unfinished on tautline.task (owner) where finished_at is null`.execute(db)
      await sql`
        create unique index task_dedupe on tautline.task (name, coalesce(owner, ''), dedupe_key)
        where finished_at is null and dedupe_key is not null`.execute(db)
      await sql`
        create index task_finished_at on tautline.task (finished_at)
        where finished_at is not null`.execute(db)
    },
  },
  tasks_0002_task_parts: {
    async up(db) {
      await sql`
        create table tautline.task_event (
          task_id uuid not null references tautline.task on delete cascade,
          seq integer not null,
          attempt integer not null,
          type text not null,
          data text not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (task_id, seq)
        )`.execute(db)
      await sql`
        create table tautline.task_cancel (
          task_id uuid primary key,
          created_at timestamptz not null default now()
        )`.execute(db)
      await sql`
        create table tautline.task_step (
          task_id uuid not null references tautline.task on delete cascade,
          key text not null,
          state text not null check (state in ('sending', 'done', 'failed', 'unknown')),
          attempt integer not null,
          output text,
          error text,
          primary key (task_id, key)
        )`.execute(db)
      await sql`
        create table tautline.task_schedule (
          name text primary key,
          spec text not null,
          next_at timestamptz
        )`.execute(db)
    },
  },
  tasks_0003_accept_task: {
    async up(db) {
      await createAcceptFunction.execute(db)
    },
  },
}

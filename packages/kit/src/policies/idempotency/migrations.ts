import { sql } from 'kysely'

import type { Migrations } from '../../db/migrations.ts'

export const idempotencyMigrations: Migrations = {
  '2026-11-22-idempotency': {
    async up(db) {
      await sql`
        create table tautline.idempotency (
          principal text not null,
          procedure text not null,
          key text not null,
          fingerprint bytea not null,
          outcome text not null,
          created_at timestamptz not null,
          primary key (principal, procedure, key)
        )`.execute(db)
      await sql`
        create index idempotency_created_at on tautline.idempotency (created_at)`.execute(db)
    },
  },
}

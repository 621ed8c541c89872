import { sql } from 'kysely'

import type { Migrations } from './migrations.ts'

/** What the library itself keeps in the database, beside what its features bring. */
export const libraryMigrations: Migrations = {
  // Without an index on seen_at: a row is updated every other second, in its place.
  '2026-11-22-process': {
    async up(db) {
      await sql`
        create table tautline.process (
          id uuid primary key,
          started_at timestamptz not null,
          seen_at timestamptz not null
        )`.execute(db)
    },
  },
}

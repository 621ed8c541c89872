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
}

import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'

/** A user for samples of queries. */
export const sampleUser = {
  id: '00000000-0000-0000-0000-000000000001',
  email: 'anna@example.com',
  passwordHash: 'none',
}

export async function insertSampleUser(db: Db): Promise<void> {
  const { id, email, passwordHash } = sampleUser
  await sql`
    insert into tautline.user (id, email, name, password_hash)
    values (${id}, ${email}, 'Anna', ${passwordHash})`.execute(db)
}

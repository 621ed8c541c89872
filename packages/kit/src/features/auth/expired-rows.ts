import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'

/** Rows past their time that one write removes at most. */
const SWEEP_ROWS = 20

/** The tables whose rows mean nothing after a time: what names a row, and when its time is over. */
const EXPIRING = {
  'tautline.login_attempt': { key: 'subject', endsAt: 'forget_at' },
  'tautline.password_reset': { key: 'address', endsAt: 'expires_at' },
} as const

/**
 * Removes a few rows whose time is over. Whoever writes one calls it, so that a table stays as small
 * as what is alive in it.
 */
export async function deleteExpired(db: Db, name: keyof typeof EXPIRING, now: Date): Promise<void> {
  const table = sql.table(name)
  const key = sql.ref(EXPIRING[name].key)
  const endsAt = sql.ref(EXPIRING[name].endsAt)
  await sql`
    delete from ${table} where ${key} in (
      select ${key} from ${table} where ${endsAt} <= ${now}
      order by ${endsAt} limit ${SWEEP_ROWS} for update skip locked)`.execute(db)
}

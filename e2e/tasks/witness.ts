import { Pool } from 'pg'

declare module '@tautline/kit' {
  interface Database {
    /** What handlers do in their transactions. */
    chaos_effect: { task_id: string; chunk: number; attempt: number }
  }
}

/** What handlers say of themselves; on connections of their own, which nothing rolls back. */
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4, allowExitOnIdle: true })
pool.on('error', () => {}) // fails the statement that is under way
pool.on('connect', (client) => client.on('error', () => {}))

/** What a handler says: that it runs, has its effect, is in its transaction, or was not let write. */
export type Said = 'start' | 'mail' | 'inside' | 'refused'

/** Keeps that an attempt was here, in this process. */
export async function witness(
  { id, attempt }: { readonly id: string; readonly attempt: number },
  what: Said,
): Promise<void> {
  await pool.query(
    `insert into witness (task_id, attempt, what, pid, at)
     values ($1, $2, $3, $4, clock_timestamp())`,
    [id, attempt, what, process.pid],
  )
}

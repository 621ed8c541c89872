import { sql } from 'kysely'

import type { Db } from './database.ts'

/** Connections that a deployment keeps beside its pools: migrations and an operator's psql. */
const SPARE_CONNECTIONS = 3

/**
 * Refuses a pool size that Postgres cannot serve. `direct` leads to Postgres itself: behind a
 * pooler the clients' connections are the pooler's business.
 */
export async function checkCapacity(
  direct: Db,
  plan: { readonly poolSize: number; readonly processes: number },
): Promise<void> {
  const { rows } = await sql<{ usable: number }>`
    select current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int as usable`.execute(direct)
  const usable = rows[0]?.usable ?? 0
  const wanted = plan.poolSize * plan.processes + SPARE_CONNECTIONS
  if (wanted <= usable) return
  throw new Error(
    `TAUTLINE_POOL_SIZE ${plan.poolSize} × TAUTLINE_PROCESSES ${plan.processes} and ` +
      `${SPARE_CONNECTIONS} to spare need ${wanted} connections, Postgres serves ${usable}. ` +
      'Lower the pool, or raise max_connections.',
  )
}

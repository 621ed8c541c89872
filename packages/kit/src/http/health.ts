import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { migrationStatus, type Lanes } from '../db/migrations.ts'
import { withDeadline } from '../platform/call-scope.ts'
import { sendJson, type Route } from './server.ts'

/** An answer is reused for this long, in milliseconds: probes of many balancers cost one query. */
const REUSE_MS = 1_000

/** Longest that a readiness probe waits for the database, in milliseconds. */
const PROBE_TIMEOUT_MS = 1_000

export interface ReadinessOptions {
  readonly db: Db
  readonly lanes: Lanes
  readonly draining: () => boolean
  readonly version: string
  /** What is away and can be done without. */
  readonly degraded: () => readonly string[]
}

/** Alive is: the event loop turns. It depends on nothing, or an outage would restart everything. */
export const livez: Route = ({ response }) => sendJson(response, 200, { status: 'alive' })

/**
 * Ready is: not draining, the pool answers, and the database has had every migration that the code
 * brings. One that has had more is fine: a newer version is being rolled out.
 */
export function createReadyz(options: ReadinessOptions): Route {
  const { db, lanes, draining, version, degraded } = options
  let checked: { at: number; problems: Promise<string[]> } | undefined
  let fits = false // once every migration is there, none goes away again

  async function findProblems(): Promise<string[]> {
    try {
      if (fits) await sql`select 1`.execute(db)
      const statuses = fits ? [] : await migrationStatus(db, lanes)
      const pending = statuses.filter((migration) => migration.state === 'pending')
      fits = pending.length === 0
      return pending.map(({ lane, name }) => `migration ${lane}/${name} is pending`)
    } catch {
      return ['the database does not answer']
    }
  }

  return async ({ response }) => {
    if (draining()) return sendJson(response, 503, { status: 'draining', version })
    const now = performance.now()
    if (!checked || now - checked.at > REUSE_MS) {
      checked = { at: now, problems: withDeadline('readyz', PROBE_TIMEOUT_MS, findProblems) }
    }
    const problems = await checked.problems
    const away = degraded()
    const state = { version, ...(away.length > 0 && { degraded: away }) }
    if (problems.length === 0) sendJson(response, 200, { status: 'ready', ...state })
    else sendJson(response, 503, { status: 'not ready', problems, ...state })
  }
}

import { randomUUID } from 'node:crypto'

import { sql, type ColumnType } from 'kysely'

import { withDeadline } from '../platform/call-scope.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { startLoop } from '../platform/supervised-loop.ts'
import type { Db } from './database.ts'

/** Between two signs of life, in milliseconds. */
const EVERY_MS = 2_000

/** Seconds after its last sign of life in which a process still counts. */
const LIVE_SECONDS = 10

/** Seconds after which its row may go. */
const KEPT_SECONDS = 60

/** Rows of processes long gone that one beat removes at most. */
const SWEEP_ROWS = 20

/** Longest that the last word of a process takes, in milliseconds. */
const LEAVE_TIMEOUT_MS = 500

/** `tautline.process`: who gives signs of life. */
interface ProcessTable {
  id: ColumnType<string, string, never>
  started_at: ColumnType<Date, Date, never>
  seen_at: Date
}

declare module './database.ts' {
  interface Database {
    'tautline.process': ProcessTable
  }
}

export interface ProcessCountOptions {
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** How many processes there should be; never counted as fewer. */
  readonly configured: number
  /** Between two signs of life, in milliseconds; 2 s by default. */
  readonly everyMs?: number
}

/** How many processes share the database, as far as this one knows. */
export interface ProcessCount {
  /**
   * As configured, or more where more are alive. What was counted last holds while the database is
   * away; a process that was killed counts for 10 s more.
   */
  readonly count: number
  /** Takes this process out of the count. Never fails: the others come to know by themselves. */
  stop(): Promise<void>
}

/** Begins to give signs of life, and to count those of the others. */
export function startProcessCount(options: ProcessCountOptions): ProcessCount {
  const { db, log, metrics, clock, configured, everyMs = EVERY_MS } = options
  const id = randomUUID()
  let live = 0
  const removeGauge = metrics.gauge('processes_live', () => live)
  const loop = startLoop({
    name: 'process_count',
    everyMs,
    run: async () => {
      live = await beat(db, id)
    },
    log,
    metrics,
    clock,
  })

  return {
    get count() {
      return Math.max(configured, live)
    },
    async stop() {
      await loop.stop()
      removeGauge()
      try {
        await withDeadline('process_count', LEAVE_TIMEOUT_MS, () => leave(db, id))
      } catch (error) {
        log.debug({ err: error }, 'this process could not leave the count')
      }
    },
  }
}

/**
 * One statement: says that this process is alive, counts all that are, and sweeps. All of it by the
 * clock of the database, since those of the processes need not agree.
 */
export async function beat(db: Db, id: string): Promise<number> {
  const { rows } = await sql<{ live: number }>`
    with own as (
      insert into tautline.process (id, started_at, seen_at) values (${id}, now(), now())
      on conflict (id) do update set seen_at = now()
    ), gone as (
      delete from tautline.process where id in (
        select id from tautline.process
        where seen_at < now() - ${KEPT_SECONDS} * interval '1 s' and id <> ${id}
        order by seen_at limit ${SWEEP_ROWS} for update skip locked)
    )
    select 1 + count(*)::int as live from tautline.process
    where seen_at > now() - ${LIVE_SECONDS} * interval '1 s' and id <> ${id}`.execute(db)
  return rows[0]?.live ?? 1
}

/** Takes a process out of the count. */
export async function leave(db: Db, id: string): Promise<void> {
  await sql`delete from tautline.process where id = ${id}`.execute(db)
}

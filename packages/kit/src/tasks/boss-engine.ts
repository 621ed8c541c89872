import { CompiledQuery, sql } from 'kysely'
import type { PgBoss } from 'pg-boss'

import { commonErrors, Failure, sleep } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { Logger } from '../platform/logger.ts'
import { BOSS_SCHEMA, queueOf } from './boss-schema.ts'

/** pg-boss, once it is there. Its types stay in this file and the next: they are not ours to show. */
export interface BossEngine {
  /** Undefined before it was started, and after the stop. */
  readonly current: PgBoss | undefined
  /** It; throws `UNAVAILABLE` while there is none. */
  running(): PgBoss
  start(names: readonly string[]): Promise<void>
  stop(): Promise<void>
}

/**
 * Only the loss of a worker makes pg-boss deliver again, and each time at once: failures are counted
 * on the task's row, and how long an attempt may take is its worker's affair.
 */
const QUEUE = {
  retryLimit: 1_000_000,
  retryDelay: 0,
  retryBackoff: false,
  heartbeatSeconds: 10,
  expireInSeconds: 24 * 60 * 60,
  retentionSeconds: 365 * 24 * 60 * 60,
  notify: false, // pg-boss would ring within the transaction; we ring after it
}

/** Between two tries to start, in milliseconds. */
const START_AGAIN_MS = 1_000

const NO_JOB = '00000000-0000-0000-0000-000000000000'

export function createBossEngine(db: Db, log: Logger): BossEngine {
  const stopping = new AbortController()
  let current: PgBoss | undefined
  let starting: Promise<unknown> = Promise.resolve()

  async function tryToStart(names: readonly string[]): Promise<boolean> {
    try {
      const boss = await open(db, names, log)
      if (stopping.signal.aborted) await close(boss)
      else current = boss
      return true
    } catch (error) {
      log.warn({ err: error }, 'the queues of tasks are not there yet')
      return false
    }
  }

  async function startAgainAndAgain(names: readonly string[]): Promise<void> {
    do await sleep(START_AGAIN_MS, stopping)
    while (!(await tryToStart(names)))
  }

  return {
    get current() {
      return current
    },
    running() {
      if (current) return current
      throw new Failure(commonErrors.UNAVAILABLE, { retryAfterMs: START_AGAIN_MS })
    },
    async start(names) {
      const first = tryToStart(names)
      starting = first
      // Only the stop ends it otherwise.
      if (!(await first)) starting = startAgainAndAgain(names).catch(() => {})
    },
    async stop() {
      stopping.abort()
      await starting
      const boss = current
      current = undefined
      if (boss) await close(boss)
    },
  }
}

/** Makes the queues, as they are to be by now, and a pg-boss that only does what it is asked. */
async function open(db: Db, names: readonly string[], log: Logger): Promise<PgBoss> {
  // Loaded by then: it takes some 80 ms, which a backend without tasks is spared.
  const { PgBoss: Engine } = await import('pg-boss')
  const boss = new Engine({
    db: executorOn(db),
    schema: BOSS_SCHEMA,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  boss.on('error', (error) => log.warn({ err: error }, 'the queues of tasks could not be read'))
  for (const name of names) {
    await boss.createQueue(queueOf(name), QUEUE)
    await boss.updateQueue(queueOf(name), QUEUE)
  }
  await boss.start()
  try {
    // It reads its queues at the start, but does not say when that failed; whoever sends on a
    // transaction must not need a second connection for it.
    for (const name of names) await boss.findJobs(queueOf(name), { id: NO_JOB })
    return boss
  } catch (error) {
    await close(boss)
    throw error
  }
}

function close(boss: PgBoss): Promise<void> {
  return boss.stop({ graceful: false, close: false })
}

/** pg-boss's way to a database: the pool, or a transaction. */
export function executorOn(db: Db) {
  return {
    async executeSql(text: string, values: unknown[] = []) {
      const query = CompiledQuery.raw(text, values)
      if (!/^\s*BEGIN;/.test(text)) return { rows: (await db.executeQuery(query)).rows }
      await runScript(db, query)
      return { rows: [] }
    },
  }
}

/** A script with a transaction of its own: one that fails must not leave it open on the pool. */
function runScript(db: Db, script: CompiledQuery): Promise<void> {
  return db.connection().execute(async (connection) => {
    try {
      await connection.executeQuery(script)
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => {}) // a connection that broke has none
      throw error
    }
  })
}

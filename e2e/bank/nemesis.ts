import type { MortalPostgres, PostgresEnd } from '@tautline/kit/testing'
import { sleep } from '@tautline/shared'

import { shuffled } from '../faults/chance.ts'
import type { FaultyWay } from '../faults/faulty-way.ts'
import { openSession } from '../faults/server-process.ts'

const ENDS: readonly PostgresEnd[] = ['fast', 'immediate', 'kill -9']

/** What is struck. */
export interface Target {
  readonly postgres: MortalPostgres
  /** The way by which the server reaches it. */
  readonly way: FaultyWay
  /** Whether there is still somebody to suffer. */
  readonly isAlive: () => boolean
}

export interface Schedule {
  /** From one restart to the next, in milliseconds. */
  readonly everyMs: number
  /** How many restarts there are. */
  readonly times: number
}

/** What was done. */
export interface Struck {
  /** How often Postgres ended, and was started again. */
  readonly restarts: Readonly<Record<PostgresEnd, number>>
  /** Sessions that Postgres was told to end. */
  readonly terminated: number
  /** Connections cut on the way. */
  readonly cut: number
}

/**
 * Between two restarts half of the connections are cut, and half of the sessions terminated. The
 * kinds of restarts come in rounds, each round in another order.
 */
export async function strikeAgainAndAgain(
  { postgres, way, isAlive }: Target,
  { everyMs, times }: Schedule,
): Promise<Struck> {
  const restarts = { fast: 0, immediate: 0, 'kill -9': 0 }
  let [terminated, cut] = [0, 0]
  let round: PostgresEnd[] = []
  const startedAt = performance.now()
  // A rhythm of its own, whatever else happens.
  const until = (beat: number) => sleep(Math.max(0, startedAt + beat * everyMs - performance.now()))
  for (let beat = 0; beat < times && isAlive(); beat++) {
    await until(beat + 1 / 3)
    cut += way.cutHalf()
    await until(beat + 2 / 3)
    terminated += await terminateHalf(postgres.url)
    await until(beat + 1)
    if (round.length === 0) round = shuffled(ENDS)
    const end = round.pop() ?? 'fast'
    await postgres.restart(end)
    restarts[end]++
  }
  return { restarts, terminated, cut }
}

/** Ends half of the other sessions, whichever. Returns how many those were. */
async function terminateHalf(databaseUrl: string): Promise<number> {
  await using session = await openSession(databaseUrl)
  const { rowCount } = await session.client.query(
    `with session as (
       select pid, row_number() over (order by random()) as place, count(*) over () as count
       from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()
         and backend_type = 'client backend'
     )
     select pg_terminate_backend(pid) from session where 2 * place <= count + 1`,
  )
  return rowCount ?? 0
}

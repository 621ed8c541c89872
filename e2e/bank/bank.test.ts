import { expect, test } from 'vitest'

import { tally, type Outcome } from '../faults/history.ts'
import { openSession } from '../faults/server-process.ts'
import { findAnomalies, type Evidence } from './checker.ts'
import { readBalances, readBookings } from './database.ts'
import { startLoad, type Load } from './load.ts'
import { strikeAgainAndAgain, type Struck } from './nemesis.ts'
import { startWorld, type World } from './world.ts'

const full = process.env.TEST_FULL === '1'

const SCHEDULE = full ? { everyMs: 3_000, times: 20 } : { everyMs: 1_500, times: 3 }

/** After the last restart every client must succeed again by then, in milliseconds. */
const RECOVERY_MS = full ? 5_000 : 30_000

/** Below these the run has shown nothing. */
const LEAST = {
  fast: full ? 6 : 1,
  immediate: full ? 6 : 1,
  'kill -9': full ? 6 : 1,
  'sessions terminated': full ? 50 : 4,
  'connections cut': full ? 40 : 4,
  ok: full ? 1_000 : 20,
  UNAVAILABLE: full ? 100 : 10,
  'reads through the server': full ? 100 : 1,
  'reads by SQL': full ? 1_000 : 20,
  // A short run may have none of these.
  ...(full && { INSUFFICIENT_FUNDS: 50, unknown: 1 }),
}

/** All that a caller may be told besides success. */
const MAY_BE_TOLD = new Set([
  'INSUFFICIENT_FUNDS',
  'UNAVAILABLE',
  'CONTENTION',
  'OVERLOADED',
  'KEY_IN_FLIGHT',
  'COMMIT_UNKNOWN',
  'OUTCOME_UNKNOWN',
])

const timeout = 300_000

test(
  'no money is made or lost, and the server stays, while Postgres crashes and connections break',
  { timeout },
  async () => {
    await using world = await startWorld()
    await using load = await startLoad(world)
    const isAlive = () => world.ended() === null
    const struck = await strikeAgainAndAgain({ ...world, isAlive }, SCHEDULE)
    expectSameProcess(world)
    const recoveryMs = await timeToRecover(load)
    await load.stop()

    const evidence = await collect(world, load)
    const figures = figuresOf(load, struck)
    console.info({ ...figures, recoveryMs })
    expect(findAnomalies(evidence).slice(0, 10)).toEqual([])
    expect(await world.client().accounts.verifyLedger.query()).toMatchObject({
      ok: true,
      problems: [],
    })
    const outcomes = [...load.transfers.map(({ outcome }) => outcome), ...load.failedReads]
    expect(outcomes.filter(isForbidden)).toEqual([])
    expectSameProcess(world)

    const log = await world.postgres.log()
    expect(count(log, 'deadlock detected')).toBe(0)
    expectRestarts(struck, log)
    for (const [what, least] of Object.entries(LEAST)) {
      expect([what, (figures[what] ?? 0) >= least]).toEqual([what, true])
    }
  },
)

/** The server has not ended, and no other has taken its place. */
function expectSameProcess(world: World): void {
  const { logs, pid } = world
  expect(logs.filter(({ level }) => level === 'fatal')).toEqual([])
  expect(world.ended()).toBeNull()
  expect(new Set(logs.map((line) => line.pid))).toEqual(new Set([pid]))
}

/** Until every client has succeeded again, in milliseconds. */
async function timeToRecover({ lastSuccesses }: Load): Promise<number> {
  const startedAt = performance.now()
  const waitFor = { timeout: RECOVERY_MS, interval: 20 }
  await expect.poll(() => Math.min(...lastSuccesses), waitFor).toBeGreaterThan(startedAt)
  return performance.now() - startedAt
}

async function collect({ postgres }: World, load: Load): Promise<Evidence> {
  await using session = await openSession(postgres.url)
  const bookings = await readBookings(session)
  return { ...load, bookings, closing: await readBalances(session) }
}

/** Postgres says itself how it has ended. */
function expectRestarts({ restarts }: Struck, log: string): void {
  expect(count(log, 'received fast shutdown request')).toBe(restarts.fast)
  expect(count(log, 'received immediate shutdown request')).toBe(restarts.immediate)
  const recoveries = restarts.immediate + restarts['kill -9']
  expect(count(log, 'automatic recovery in progress')).toBe(recoveries)
}

function figuresOf(
  { transfers, reads, failedReads }: Load,
  struck: Struck,
): Record<string, number> {
  const outcomes = transfers.map(({ outcome }) => outcome)
  const readsBy = (who: string) => reads.filter(({ by }) => by === who).length
  return {
    ...struck.restarts,
    'sessions terminated': struck.terminated,
    'connections cut': struck.cut,
    transfers: transfers.length,
    ...tally(outcomes),
    unknown: outcomes.filter(({ kind }) => kind === 'unknown').length,
    'reads through the server': readsBy('the server'),
    'reads by SQL': readsBy('SQL'),
    'failed reads': failedReads.length,
  }
}

function isForbidden(outcome: Outcome): boolean {
  return outcome.kind !== 'ok' && !MAY_BE_TOLD.has(outcome.reason)
}

const count = (text: string, line: string) => text.split(line).length - 1

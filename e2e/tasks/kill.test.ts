import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { until } from '../dev/wait.ts'
import { between, pick, shuffled } from '../faults/chance.ts'
import { openSession } from '../faults/server-process.ts'
import { readEvidence } from './evidence.ts'
import { findFaults } from './judge.ts'
import { startLoad, type Load } from './load.ts'
import { takeoversOf, type Strike } from './takeover.ts'
import { startWorld, type LogLine, type World } from './workers.ts'

const full = process.env.TEST_FULL === '1'

const LOAD = full ? { count: 800, overMs: 75_000 } : { count: 60, overMs: 2_500 }

/** Strikes beside those in the middle of a transaction; and how many of them stop a process. */
const STRIKES = full
  ? { count: 24, everyMs: 2_000, stops: 8 }
  : { count: 2, everyMs: 1_500, stops: 0 }
const TRAPPED = full ? 5 : 1

/** Longest wait for work that a trap may have around it, in milliseconds. */
const BUSY_WITHIN_MS = 5_000

/** Longer than a lease, so that the process is not the one any more that it was. */
const STOPPED_MS = 12_000

/**
 * Below these the run has shown nothing. A single stop may meet no write to refuse: connections are cut
 * meanwhile, and who hears of the loss first writes nothing. There is work enough that many do.
 */
const LEAST = full ? { takeovers: 40, refused: 5 } : { takeovers: 3, refused: 0 }

const TAKEOVER_MS = full ? 15_000 : 60_000

/** All work has ended by then. */
const TIMEOUT_MS = full ? 150_000 : 60_000

/** Of a process that stood still: its connections were cut meanwhile, and its time was up. */
const CUT_OFF =
  /"name":"(ConnectionLost|NoConnection|Timeout)Error"|"message":"(timeout expired|Query read timeout)"|"code":"(57|08|25P|ECONN)/

/** What may go wrong here: attempts that are to fail, and turns that stood still with their process. */
function unexpected({ level, msg, err }: LogLine): boolean {
  if (level !== 'error' && level !== 'fatal') return false
  if (msg === 'a turn of a loop failed') return !CUT_OFF.test(JSON.stringify(err))
  return msg !== 'an attempt has failed'
}

test(
  'each task ends exactly once, and nothing is done twice, lost or left, while its workers are killed',
  { timeout: 300_000 },
  async () => {
    await using world = await startWorld(3)
    await using session = await openSession(world.databaseUrl)
    const load = startLoad(world.url, LOAD)
    load.asked.catch(() => {}) // told when it is waited for
    const strikes = await strike(world, session, load)
    const asked = await load.asked
    await until('all work to end', async () => !(await unfinished(session)), TIMEOUT_MS)

    const found = await readEvidence(session)
    const evidence = { ...asked, ...found }
    const begun = found.witnesses.filter(({ what }) => what === 'start')
    const takeovers = takeoversOf(strikes, begun, found.events)
    const states = Object.groupBy(found.tasks, ({ state }) => state)
    const refused = found.witnesses.filter(({ what }) => what === 'refused').length
    const slowestMs = Math.round(Math.max(...takeovers))
    console.info({
      tasks: found.tasks.length,
      ...Object.fromEntries(Object.entries(states).map(([state, those]) => [state, those.length])),
      cancels: asked.cancels,
      redrives: asked.redrives.size,
      strikes: strikes.length,
      takeovers: takeovers.length,
      slowestMs,
      refused,
      unknownMails: found.steps.filter(({ state }) => state === 'unknown').length,
    })
    expect(findFaults(evidence).slice(0, 20)).toEqual([])
    expect(world.logs.filter(unexpected)).toEqual([])
    expect(takeovers.length).toBeGreaterThanOrEqual(LEAST.takeovers)
    expect(refused).toBeGreaterThanOrEqual(LEAST.refused)
    expect(slowestMs).toBeLessThanOrEqual(TAKEOVER_MS)
  },
)

type Session = Awaited<ReturnType<typeof openSession>>

/** Kills and stops workers, one after the other; some of them in the middle of a transaction. */
async function strike(world: World, session: Session, load: Load): Promise<Strike[]> {
  const strikes: Strike[] = []
  for (let trapped = 0; trapped < TRAPPED; trapped++) {
    await untilBusy(world, session)
    await until('two workers that run', () => findRunning(world))
    await load.trap()
    const worker = await until('a worker in its transaction', () => findTrapped(world, session))
    strikes.push(worker.stopFor(STOPPED_MS))
    for (const how of shuffled(planOf(trapped))) {
      await sleep(STRIKES.everyMs)
      const running = await until('two workers that run', () => findRunning(world))
      const struck = pick(running)
      strikes.push(how === 'stop' ? struck.stopFor(STOPPED_MS + between(0, 2_000)) : struck.kill())
    }
  }
  await until('all workers to go on', () => world.workers.every(({ isWorking }) => isWorking))
  return strikes
}

/** The strikes around one in the middle of a transaction. */
function planOf(round: number): readonly Strike['how'][] {
  const { count, stops } = STRIKES
  const share = (all: number) =>
    Math.floor((all * (round + 1)) / TRAPPED) - Math.floor((all * round) / TRAPPED)
  const kills = share(count - stops)
  return [
    ...Array.from({ length: share(stops) }, () => 'stop' as const),
    ...Array.from({ length: kills }, () => 'kill -9' as const),
  ]
}

/** Each worker has something to do, all of which is to be struck with a trap; if there is so much. */
async function untilBusy({ workers }: World, { client }: Session): Promise<void> {
  const giveUpAt = performance.now() + BUSY_WITHIN_MS
  await until('all workers to be busy', async () => {
    if (performance.now() > giveUpAt) return true
    const { rows } = await client.query<{ pid: number }>(
      `select distinct pid from witness where what = 'start' and at > clock_timestamp() - interval '2 s'`,
    )
    const pids = new Set(rows.map(({ pid }) => pid))
    return workers.every(({ pid, isWorking }) => !isWorking || pids.has(pid))
  })
}

/** Those that run, where there are two at least: somebody is to take over. */
function findRunning({ workers }: World) {
  const running = workers.filter(({ isWorking }) => isWorking)
  return running.length > 1 && running
}

/** A worker that is in a transaction of a handler, and stays there for a while. */
async function findTrapped(world: World, { client }: Session) {
  const running = findRunning(world)
  if (!running) return undefined
  const { rows } = await client.query<{ pid: number }>(
    `select pid from witness where what = 'inside' and at > clock_timestamp() - interval '1 s'`,
  )
  const pids = new Set(rows.map(({ pid }) => pid))
  return running.find(({ pid }) => pids.has(pid))
}

async function unfinished({ client }: Session): Promise<boolean> {
  const { rows } = await client.query<{ left: boolean }>(
    `select exists (select from tautline.task where finished_at is null)
       or exists (select from tautline_boss.job) as left`,
  )
  return rows[0]?.left ?? true
}

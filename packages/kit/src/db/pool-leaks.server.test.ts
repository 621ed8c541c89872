import { randomUUID } from 'node:crypto'

import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'

import { safe } from '@tautline/client'

import { startTestServer, type TestServer } from '../testing/index.ts'
import { HELD_LOCK, leaksApp } from './pool-leaks-app.fixture.ts'

const FULL = process.env.TEST_FULL === '1'
const CALLS = FULL ? 5_000 : 200

/** Three for each connection, so that most calls have to wait for one. */
const CALLERS = 15

/** Every third caller leaves, at any moment of the first 60 ms. */
const LEAVES = 3
const LEAVES_WITHIN_MS = 60

/** How calls end whose callers stay; the first of two is seen in each run. */
const ends = {
  throwAtOnce: ['INTERNAL'],
  throwAfter: ['INTERNAL'],
  failStatement: ['INTERNAL'],
  throwInSavepoint: ['INTERNAL'],
  throwOutside: ['INTERNAL'],
  failSideBySide: ['INTERNAL'],
  tellTooMuch: ['INTERNAL'],
  breakAtCommit: ['INTERNAL'],
  loseConnection: ['UNAVAILABLE'],
  waitForLock: ['DEADLINE_EXCEEDED'],
  waitForConnection: ['DEADLINE_EXCEEDED', 'OK'],
  nap: ['OK'],
  linger: ['OK'],
  goOn: ['OK'],
}

type Leaks = ReturnType<TestServer<typeof leaksApp>['client']>
type Procedure = keyof typeof ends

const procedures = Object.keys(ends).filter((name): name is Procedure => name in ends)

interface Seen {
  readonly ends: Set<string>
  readonly unexpected: string[]
  /** Calls that had not ended when their callers left. */
  left: number
}

/**
 * Makes the calls, and tells how they ended whose callers stayed. Stops at the first that does not
 * end as it should: it may be that no connection is left.
 */
async function callAll({ leaks }: Leaks) {
  const seen: Seen = { ends: new Set(), unexpected: [], left: 0 }
  let calls = 0
  const caller = async () => {
    while (calls < CALLS && seen.unexpected.length === 0) {
      const procedure = procedures[calls++ % procedures.length] ?? 'nap'
      const leaves = calls % LEAVES === 0
      const leaving = new AbortController()
      if (leaves) setTimeout(() => leaving.abort(), Math.random() * LEAVES_WITHIN_MS)
      const [, error] = await safe(leaks[procedure].mutate({ id: randomUUID() }, leaving))
      const end = error?.reason ?? 'OK'
      if (leaves && end === 'ABORTED') seen.left++
      else if (ends[procedure].includes(end)) seen.ends.add(`${procedure}: ${end}`)
      else seen.unexpected.push(`${procedure}: ${end}`)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return seen
}

/** Sessions of a database that are in the middle of something. */
const BUSY = `select state, query from pg_stat_activity where datname = current_database()
  and pid <> pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'`

const SOON = { timeout: 5_000 }
const PATIENTLY = { timeout: FULL ? 300_000 : 30_000 }

test(
  `of ${CALLS} calls that fail in every way, or are left, none keeps a connection`,
  PATIENTLY,
  async () => {
    const server = await startTestServer(leaksApp)
    onTestFinished(() => server[Symbol.asyncDispose](), 10_000) // where one is kept it never ends
    const own = new Client({ connectionString: server.databaseUrl })
    await own.connect()
    onTestFinished(() => own.end())
    await own.query('select pg_advisory_lock($1)', [HELD_LOCK])

    const seen = await callAll(server.client())
    const gauges = () => server.app.metrics.snapshot().gauges
    await expect.poll(gauges, SOON).toMatchObject({
      http_requests_in_flight: 0,
      db_pool_in_use: 0,
      db_pool_waiting: 0,
    })
    await expect.poll(async () => (await own.query(BUSY)).rows, SOON).toEqual([])

    expect(seen.unexpected).toEqual([])
    expect(seen.left).toBeGreaterThan(0)
    const all = procedures.map((procedure) => `${procedure}: ${ends[procedure][0]}`)
    expect([...seen.ends]).toEqual(expect.arrayContaining(all))
  },
)

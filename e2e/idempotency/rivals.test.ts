import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { openSession } from '../faults/server-process.ts'
import {
  countOutcomes,
  p99Of,
  startSteadyCalls,
  type Outcome,
} from '../login-flood/steady-calls.ts'
import { startMortalServers, type MortalServers } from './mortal-servers.ts'
import { mostWhile } from './most-while.ts'

const full = process.env.TEST_FULL === '1'

const RIVALS = 50

/** How long the slow work takes, and before it the canary alone, in milliseconds. */
const SLOW_MS = full ? 5_000 : 1_500

/** Of the canary. */
const RATE = { perSecond: 50, mostAtOnce: 5 }

/**
 * The one at work, in the other process one that asks whether it still is, the canary, and loops of
 * the servers. If rivals waited inside, it were all of both pools.
 */
const MOST_HELD = 9

/** What the arrival of all rivals at once may cost the canary; the slow call takes far longer. */
const MARGIN_MS = full ? { median: 10, p99: 200 } : { median: Infinity, p99: Infinity }

test('fifty rivals of one slow key hold no connections, and keep nobody else waiting', async () => {
  await using servers = await startMortalServers(0)
  await using session = await openSession(servers.databaseUrl)
  await ready(servers)
  const ping = async () => {
    const { ok } = await fetch(`${servers.urls[0]}/rpc/effects.ping`, {
      headers: { 'x-user': 'c' },
    })
    return ok ? 'ok' : 'refused'
  }
  const warm = startSteadyCalls(RATE, ping)
  await sleep(500)
  await warm.stop()
  const alone = startSteadyCalls(RATE, ping)
  await sleep(SLOW_MS)
  const before = summary(await alone.stop())

  const calls = Array.from({ length: RIVALS + 1 }, (_, n) => apply(servers, n))
  await expect.poll(() => inTransaction(session), { timeout: 10_000 }).toBeGreaterThan(0)
  const beside = startSteadyCalls(RATE, ping)
  const ended = Promise.all(calls)
  const mostHeld = await mostWhile(ended, () => inTransaction(session))
  const answers = await ended
  const during = summary(await beside.stop())

  console.info({ before, during, mostHeld })
  expect(new Set(answers).size).toBe(1)
  expect((await session.client.query('select from effect')).rowCount).toBe(1)
  expect(mostHeld).toBeLessThanOrEqual(MOST_HELD)
  expect(during.outcomes.ok).toBeGreaterThan(10)
  expect(Object.keys(during.outcomes)).toEqual(['ok'])
  expect(during.medianMs).toBeLessThanOrEqual(before.medianMs * 1.5 + MARGIN_MS.median)
  expect(during.p99Ms).toBeLessThanOrEqual(before.p99Ms * 1.5 + MARGIN_MS.p99)
})

function summary(calls: readonly Outcome[]) {
  const sorted = calls.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? NaN
  return { outcomes: countOutcomes(calls), medianMs, p99Ms: p99Of(calls) }
}

/** The same mutation under the same key; every other one to the other server. */
async function apply({ urls }: MortalServers, n: number): Promise<string> {
  const response = await fetch(`${urls[n % 2]}/rpc/effects.apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user': 'anna', 'idempotency-key': 'slow' },
    body: JSON.stringify({ json: { key: 'slow', refuse: false, napMs: SLOW_MS } }),
  })
  if (!response.ok) throw new Error(await response.text())
  return response.text()
}

async function ready({ urls }: MortalServers): Promise<void> {
  const isReady = async (url: string) =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (const url of urls) await expect.poll(() => isReady(url), { timeout: 60_000 }).toBe(true)
}

/** Sessions of the servers that run a statement or hold a transaction open. */
async function inTransaction({ client }: Awaited<ReturnType<typeof openSession>>): Promise<number> {
  const { rowCount } = await client.query(
    `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
       and backend_type = 'client backend' and xact_start is not null`,
  )
  return rowCount ?? 0
}

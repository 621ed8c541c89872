import { expect, test } from 'vitest'

import type { Load, Outcome } from './load.ts'
import { createLedger, startLoadedServer } from './processes.ts'

const full = process.env.TEST_FULL === '1'

/** How long each part lasts, in milliseconds. */
const LASTS = full
  ? { warmUp: 4_000, calm: 10_000, overload: 30_000, recovery: 5_000, refusals: 4_000 }
  : { warmUp: 700, calm: 1_200, overload: 4_000, recovery: 800, refusals: 700 }

/** Callers at once who keep the server busy, and none of whom waits long. */
const CALM = { atOnce: 16 }

/** What a queue may hold by default. */
const MAX_QUEUED = 100

const PRIORITIES = ['critical', 'normal', 'sheddable'] as const

test('three times what it can do costs the server little, and what is critical nothing', async () => {
  await using ledger = await createLedger()
  const refusal = await costOfRefusal(ledger.url)
  await using server = await startLoadedServer(ledger.url)
  const calm = await measureCalm(server)
  const overload = await server.send({ ms: LASTS.overload, perSecond: 3 * calm.perSecond })
  const worst = await server.observe()
  // By the end of it, ten seconds are over; the second half is looked at.
  const half = { ms: LASTS.recovery, perSecond: calm.perSecond / 2 }
  await server.send(half)
  const after = await server.send(half)

  const r = refusal.cpuMs / calm.cpuMs
  const goodput = perSecondOf(overload, LASTS.overload) / calm.perSecond
  console.info(
    JSON.stringify({ r, refusal, calm, goodput, overload, worst, after: after.normal }, round, 1),
  )
  expect(goodput).toBeGreaterThanOrEqual(
    full ? Math.min(0.85, (0.95 * (1 - 3 * r)) / (1 - r)) : 0.3,
  )
  expect(shareServed(overload, 'critical')).toBeGreaterThanOrEqual(full ? 0.99 : 0.9)
  expect(wrongOf(overload)).toBeLessThanOrEqual(full ? 0 : 0.02 * sentOf(overload))
  expect(worst.queued).toBeLessThanOrEqual(MAX_QUEUED)
  expect(worst.rssBytes).toBeLessThanOrEqual(1.5 * calm.rssBytes)
  expect(shareServed(after, 'normal')).toBeGreaterThanOrEqual(full ? 0.95 : 0.8)
})

test.runIf(full)('the same without admission is the end of nearly all of it', async () => {
  await using ledger = await createLedger()
  const open = { TAUTLINE_MAX_RUNNING: '10000', TAUTLINE_MAX_QUEUED: '100000' }
  await using server = await startLoadedServer(ledger.url, open)
  const calm = await measureCalm(server)
  const overload = await server.send({ ms: LASTS.overload, perSecond: 3 * calm.perSecond })
  const goodput = perSecondOf(overload, LASTS.overload) / calm.perSecond
  console.info(JSON.stringify({ calm, goodput, overload }, round, 1))
  expect(goodput).toBeLessThan(0.4)
  expect(shareServed(overload, 'critical')).toBeLessThan(0.5)
})

type Server = Awaited<ReturnType<typeof startLoadedServer>>

/** What the server can do, when nobody asks for more. */
async function measureCalm(server: Server) {
  await server.send({ ms: LASTS.warmUp, ...CALM })
  const { outcome, cpuMs, rssBytes } = await measure(server, { ms: LASTS.calm, ...CALM })
  expect(wrongOf(outcome)).toBe(0)
  const perSecond = perSecondOf(outcome, outcome.seconds * 1_000)
  return { perSecond, rssBytes, cpuMs: cpuMs / sentOf(outcome) }
}

/** What the server's core has to do for a request that is not let in, in milliseconds. */
async function costOfRefusal(databaseUrl: string) {
  const closed = { TAUTLINE_MAX_RUNNING: '1', TAUTLINE_MAX_QUEUED: '0' }
  await using server = await startLoadedServer(databaseUrl, closed)
  const leaving = new AbortController()
  const held = fetch(`${server.url}/rpc/ledger.hold`, { signal: leaving.signal }).catch(() => {})
  await server.send({ ms: LASTS.warmUp, ...CALM })
  const { outcome, cpuMs } = await measure(server, { ms: LASTS.refusals, ...CALM })
  leaving.abort()
  await held
  const refused = PRIORITIES.reduce((sum, priority) => sum + outcome[priority].refused, 0)
  expect(refused).toBe(sentOf(outcome))
  return { perSecond: refused / outcome.seconds, cpuMs: cpuMs / refused }
}

/** What became of a load, and what the server's core had to do for it. */
async function measure(server: Server, load: Load) {
  const before = await server.observe()
  const outcome = await server.send(load)
  const { cpuMs, rssBytes } = await server.observe()
  return { outcome, rssBytes, cpuMs: cpuMs - before.cpuMs }
}

function sentOf(outcome: Outcome): number {
  return PRIORITIES.reduce((sum, priority) => sum + outcome[priority].sent, 0)
}

/** How many were served in time, in each second of the load. */
function perSecondOf(outcome: Outcome, ms: number): number {
  const served = PRIORITIES.reduce((sum, priority) => sum + outcome[priority].served, 0)
  return (served * 1_000) / ms
}

function shareServed(outcome: Outcome, priority: (typeof PRIORITIES)[number]): number {
  return outcome[priority].served / outcome[priority].sent
}

/** How many got neither a result in time nor a refusal that says when to come again. */
function wrongOf(outcome: Outcome): number {
  const ends = PRIORITIES.flatMap((priority) => Object.values(outcome[priority].wrong))
  return ends.reduce((sum, count) => sum + count, 0)
}

function round(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value
}

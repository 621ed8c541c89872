import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createDatabase, exitOf, listening, openSession } from '../faults/server-process.ts'
import { mostWhile } from '../idempotency/most-while.ts'
import { ENVIRONMENT, migrate, startCommand } from '../idempotency/source-process.ts'
import { countOutcomes, p99Of, startSteadyCalls } from '../login-flood/steady-calls.ts'

const full = process.env.TEST_FULL === '1'

const CLIENTS = 200

/** How long they wait for what takes half a minute, in milliseconds. */
const BUDGET_MS = 300

/** After that nothing of theirs may be left, in milliseconds. */
const REMAINS_MS = full ? 1_000 : 10_000

/** The canary waits for the clients at most, and for what is left of them. */
const MOST_CANARY_MS = full ? BUDGET_MS + 1_000 : Infinity

const POOL_SIZE = 10

/** Below this the run has shown nothing; a busy machine starts fewer within the budget. */
const LEAST_NAPS = full ? POOL_SIZE : 1

const APP = new URL('./sleepy-app.fixture.ts', import.meta.url)

interface Init {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

type Send = (url: string, init: Init) => Promise<string>

const ways: { readonly way: string; readonly send: Send; readonly outcome: string }[] = [
  {
    way: 'announce their deadline',
    send: (url, init) =>
      reasonOf(url, { ...init, headers: { 'x-deadline-ms': String(BUDGET_MS) } }),
    outcome: 'DEADLINE_EXCEEDED',
  },
  {
    way: 'hang up',
    send: (url, init) => reasonOf(url, { ...init, signal: AbortSignal.timeout(BUDGET_MS) }),
    outcome: 'TimeoutError',
  },
]

test.each(ways)(
  'clients who $way leave no query behind, and a pool for all others',
  async ({ send, outcome }) => {
    await using server = await startSleepyServer()
    const ping = () => reasonOf(`${server.url}/rpc/bed.ping`, {})
    expect(await ping()).toBe('OK')
    const canary = startSteadyCalls({ perSecond: 20, mostAtOnce: 20 }, ping)

    const clients = Array.from({ length: CLIENTS }, (_, n) =>
      n % 2 === 0
        ? send(`${server.url}/rpc/bed.nap`, {})
        : send(`${server.url}/rpc/bed.napInTransaction`, { method: 'POST' }),
    )
    const ended = Promise.all(clients)
    const mostNaps = await mostWhile(ended, server.naps)
    expect(new Set(await ended)).toEqual(new Set([outcome]))
    const endedAt = performance.now()
    await expect.poll(server.naps, { interval: 10, timeout: REMAINS_MS }).toBe(0)
    const remainedMs = performance.now() - endedAt

    await sleep(500) // for the canary
    const calls = await canary.stop()
    console.info({ mostNaps, remainedMs, canary: countOutcomes(calls), p99Ms: p99Of(calls) })
    expect(mostNaps).toBeGreaterThanOrEqual(LEAST_NAPS)
    expect(Object.keys(countOutcomes(calls))).toEqual(['OK'])
    expect(await server.heldInTransaction()).toBe(0)
    const all = await Promise.all(Array.from({ length: POOL_SIZE * 2 }, ping))
    expect(new Set(all)).toEqual(new Set(['OK']))
    expect(p99Of(calls)).toBeLessThanOrEqual(MOST_CANARY_MS)
  },
)

/** What became of a call: `OK`, the reason of its failure, or the name of the error in sending it. */
async function reasonOf(url: string, init: Init): Promise<string> {
  const headers = { 'content-type': 'application/json', ...init.headers }
  try {
    const response = await fetch(url, { ...init, headers })
    const text = await response.text()
    return response.ok ? 'OK' : (/"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? text)
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

async function startSleepyServer() {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const environment = {
    ...ENVIRONMENT,
    DATABASE_URL: directUrl,
    TAUTLINE_POOL_SIZE: String(POOL_SIZE),
    TAUTLINE_MAX_RUNNING: '1000', // admission would keep most of them out
  }
  await migrate(APP, environment)
  const server = startCommand(['start'], APP, environment)
  stack.defer(async () => {
    server.kill('SIGTERM')
    await exitOf(server)
  })
  const url = await listening(server, [])
  const session = stack.use(await openSession(directUrl))
  const running = stack.move()
  const count = async (condition: string) =>
    (await session.client.query(`${SESSIONS} and ${condition}`)).rowCount ?? 0
  return {
    url,
    /** Sessions of the server that are asleep. */
    naps: () => count(`state = 'active' and query like '%pg_sleep%'`),
    heldInTransaction: () => count('xact_start is not null'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const SESSIONS = `select from pg_stat_activity where datname = current_database()
  and pid <> pg_backend_pid() and backend_type = 'client backend'`

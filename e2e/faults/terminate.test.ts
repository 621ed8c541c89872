import { expect, test } from 'vitest'

import { createClient, type Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'
import { sleep } from '@tautline/shared'

import { hasPgBouncer } from '../setup/has-pgbouncer.ts'
import { startPooler } from '../setup/pgbouncer.ts'
import { findLies, outcomeOf, tally, type Outcome } from './history.ts'
import { openSession, startServerProcess, type ServerProcess } from './server-process.ts'

const full = process.env.TEST_FULL === '1'

const LOAD_MS = full ? 30_000 : 5_000
const WRITERS = 16
const READERS = 4
const PAUSE_MS = { min: 50, max: 250 }

/** After the last kill calls must succeed again by then, in milliseconds. */
const RECOVERY_MS = full ? 5_000 : 30_000

/** Below these the run has shown nothing. */
const LEAST = full
  ? { terminated: 200, failed: 100, unknown: 5, ok: 500 }
  : { terminated: 30, failed: 20, unknown: 1, ok: 50 }

/** All that a caller may be told when the database is lost. */
const MAY_TRY_AGAIN = new Set(['UNAVAILABLE', 'CONTENTION', 'OVERLOADED'])

const routes = ['Postgres', ...(hasPgBouncer ? ['PgBouncer'] : [])]

test.each(routes)(
  'killed connections to %s never end the process or lie to callers',
  async (to) => {
    await using stack = new AsyncDisposableStack()
    const pooler =
      to === 'PgBouncer'
        ? stack.use(await startPooler(process.env.TEST_DATABASE_URL ?? ''))
        : undefined
    const server = stack.use(await startServerProcess(pooler?.url))
    const client = await signedIn(server)

    const load = { history: new Map<string, Outcome>(), reads: new Array<Outcome>(), over: false }
    const callers = [
      ...Array.from({ length: WRITERS }, (_, index) => write(client, load, index)),
      ...Array.from({ length: READERS }, () => read(client, load)),
    ]
    const terminated = await terminateAgainAndAgain(server)
    const lastKillAt = performance.now()
    await expect.poll(() => probe(client), { timeout: RECOVERY_MS, interval: 20 }).toBe('ok')
    const recoveryMs = performance.now() - lastKillAt
    load.over = true
    await Promise.all(callers)

    const writes = tally(load.history.values())
    const failed = load.history.size - (writes.ok ?? 0)
    console.info(`through ${to}:`, { terminated, recoveryMs, writes, reads: tally(load.reads) })
    expect(findLies(load.history, await rowsBySku(server))).toEqual([])
    expect([...load.history.values(), ...load.reads].filter(isForbidden)).toEqual([])
    expect(server.ended()).toBeNull()
    expect(new Set(server.logs.map((line) => line.pid))).toEqual(new Set([server.pid]))
    expect(server.logs.filter(({ level }) => level === 'fatal')).toEqual([])

    expect(terminated).toBeGreaterThanOrEqual(LEAST.terminated)
    expect(failed).toBeGreaterThanOrEqual(LEAST.failed)
    expect(writes.COMMIT_UNKNOWN ?? 0).toBeGreaterThanOrEqual(LEAST.unknown)
    expect(writes.ok ?? 0).toBeGreaterThanOrEqual(LEAST.ok)
  },
)

interface Load {
  readonly history: Map<string, Outcome>
  readonly reads: Outcome[]
  over: boolean
}

async function signedIn({ url }: ServerProcess): Promise<Client<AppRouter>> {
  const nobody = createClient<AppRouter>({ url: `${url}/rpc`, retry: false })
  const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
  const { accessToken } = await nobody.auth.register.mutate(account)
  return createClient<AppRouter>({ url: `${url}/rpc`, retry: false, auth: () => accessToken })
}

async function write(client: Client<AppRouter>, load: Load, writer: number): Promise<void> {
  for (let n = 0; !load.over; n++) {
    const sku = `${writer}-${n}`
    const call = client.items.create.mutate({ sku, name: 'Rope', priceMinor: 5n })
    load.history.set(sku, await outcomeOf(call))
  }
}

async function read(client: Client<AppRouter>, load: Load): Promise<void> {
  while (!load.over) load.reads.push(await outcomeOf(client.items.list.query({ limit: 10 })))
}

async function probe(client: Client<AppRouter>): Promise<string> {
  const outcome = await outcomeOf(client.items.list.query({ limit: 1 }))
  return outcome.kind === 'ok' ? 'ok' : outcome.reason
}

/** Ends every session of the server's database but its own, for as long as the load goes on. */
async function terminateAgainAndAgain({ databaseUrl }: ServerProcess): Promise<number> {
  await using nemesis = await openSession(databaseUrl)
  const endAt = performance.now() + LOAD_MS
  let terminated = 0
  while (performance.now() < endAt) {
    await sleep(PAUSE_MS.min + Math.random() * (PAUSE_MS.max - PAUSE_MS.min)) // its rhythm
    const { rowCount } = await nemesis.client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()
         and backend_type = 'client backend'`,
    )
    terminated += rowCount ?? 0
  }
  return terminated
}

async function rowsBySku({ databaseUrl }: ServerProcess): Promise<Map<string, number>> {
  await using session = await openSession(databaseUrl)
  const { rows } = await session.client.query<{ sku: string; count: number }>(
    'select sku, count(*)::int as count from item group by sku',
  )
  return new Map(rows.map(({ sku, count }) => [sku, count]))
}

function isForbidden(outcome: Outcome): boolean {
  if (outcome.kind === 'ok') return false
  if (outcome.kind === 'unknown') return outcome.reason !== 'COMMIT_UNKNOWN'
  return !outcome.retryable || !MAY_TRY_AGAIN.has(outcome.reason)
}

import { Client } from 'pg'
import { describe, expect, test } from 'vitest'

import { startTestServer } from '../testing/index.ts'
import { createBatchApp } from './batch-app.fixture.ts'
import { raw } from './raw-call.fixture.ts'

const NAPS = `select from pg_stat_activity
  where datname = current_database() and state = 'active' and query like '%as nap'
    and pid <> pg_backend_pid()`

async function open(pool: { poolSize: number; acquireTimeoutMs?: number }) {
  await using stack = new AsyncDisposableStack()
  const { app, place } = createBatchApp()
  const first = stack.use(await startTestServer(app))
  const { databaseUrl: url } = first
  const usual = { url, directUrl: undefined, acquireTimeoutMs: 5_000, statementTimeoutMs: 15_000 }
  const database = { ...usual, ...pool }
  const server = stack.use(await startTestServer(app, { config: { database } }))
  const own = new Client({ connectionString: url })
  await own.connect()
  stack.defer(() => own.end())
  const left = new AbortController()
  stack.defer(() => left.abort())
  const running = stack.move()
  const call = (path: string) => raw(`${server.url}/rpc/${path}`, { signal: left.signal })
  return {
    place,
    call,
    batch: (verbs: readonly string[]) =>
      call(`${verbs.map((verb) => `bed.${verb}`).join(',')}?batch=1`),
    leave: () => left.abort(),
    naps: async () => (await own.query(NAPS)).rowCount,
    snapshot: () => server.app.metrics.snapshot(),
    logs: server.logs,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const times = (count: number, verb: string) => Array.from({ length: count }, () => verb)
const done = (text: string) => text.match(/"done"/g)?.length ?? 0

describe('the calls of one batch', () => {
  test('hold four connections at the same time, and leave the others to others', async () => {
    await using server = await open({ poolSize: 5 })
    const left = Promise.allSettled([server.batch(times(20, 'nap'))])
    await expect.poll(server.naps).toBe(4)
    for (let call = 0; call < 20; call++) expect((await server.call('bed.blink')).status).toBe(200)
    expect(await server.naps()).toBe(4)
    expect(server.snapshot().gauges).toMatchObject({ db_pool_connections: 5, db_pool_waiting: 0 })
    server.leave()
    await left
    await expect.poll(server.naps).toBe(0)
  })

  test('wait for each other without a word about the pool, which is not what they wait for', async () => {
    await using server = await open({ poolSize: 10 })
    const { status, text } = await server.batch(times(12, 'doze'))
    expect([status, done(text)]).toEqual([200, 12])
    const waits = server.logs.flatMap(({ database }) => waitOf(database))
    expect(waits).toHaveLength(12)
    const longest = server.snapshot().observed.db_pool_acquire_seconds?.max ?? NaN
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(190) // the last four wait for two rounds
    expect(longest * 1_000).toBeLessThan(Math.max(...waits) / 2)
  })

  test('give back their turn when there is no connection to be had', async () => {
    await using server = await open({ poolSize: 1, acquireTimeoutMs: 50 })
    const other = server.call('bed.nap').catch(() => {})
    await expect.poll(server.naps).toBe(1)
    const { text } = await server.batch(times(10, 'blink'))
    expect(text.match(/"UNAVAILABLE"/g)).toHaveLength(10)
    server.leave()
    await other
  })

  test.each([
    ['what a transaction asks for', 'nested'],
    ['what a cursor is kept waiting for', 'streaming'],
    ['a second cursor', 'merging'],
    ['what is asked for beside a connection of one’s own', 'keeping'],
  ])('never wait for themselves: %s takes no turn', async (_, verb) => {
    await using server = await open({ poolSize: 10 })
    const answer = server.batch(times(8, verb))
    for (let round = 1; round <= 2; round++) {
      await server.place.met(4)
      server.place.letGo()
    }
    const { status, text } = await answer
    expect([status, done(text)]).toEqual([200, 8])
  })

  test('never wait in a transaction for what another makes that has no turn', async () => {
    await using server = await open({ poolSize: 10 })
    const answer = server.batch([...times(4, 'sharedInside'), 'shared'])
    await server.place.met(4)
    server.place.letGo()
    const { status, text } = await answer
    expect([status, done(text)]).toEqual([200, 5])
  })
})

function waitOf(database: unknown): number[] {
  const isTold = typeof database === 'object' && database !== null && 'waitMs' in database
  return isTold ? [Number(database.waitMs)] : []
}

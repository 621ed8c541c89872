import { expect, test } from 'vitest'

import { halfway } from './fault-app.fixture.ts'
import { startFaultServer } from './fault-server.fixture.ts'

const UNAVAILABLE = { reason: 'UNAVAILABLE', retryable: true }
const BROKE = 'a database connection broke'

test('a call that finds no connection in time is refused, and may be tried again', async () => {
  await using server = await startFaultServer({ poolSize: 1, acquireTimeoutMs: 300 })
  const nap = server.changes.nap.query({ seconds: 2 })
  await expect.poll(server.naps).toBe(1)
  const startedAt = performance.now()
  await expect(server.changes.make.mutate({ id: 'none' })).rejects.toMatchObject(UNAVAILABLE)
  const waitedMs = performance.now() - startedAt
  expect(waitedMs).toBeGreaterThan(250)
  expect(waitedMs).toBeLessThan(1_200)
  const { gauges, counters, observed } = server.app.metrics.snapshot()
  expect(gauges).toMatchObject({ db_pool_size: 1, db_pool_in_use: 1, db_pool_idle: 0 })
  expect(counters.db_pool_acquire_timeouts_total).toBeGreaterThanOrEqual(1)
  expect(observed.db_pool_acquire_seconds?.max).toBeGreaterThan(0.25)
  expect(observed.db_pool_acquire_seconds?.max).toBeLessThan(25)
  expect(await nap).toBe('rested')
  await server.changes.make.mutate({ id: 'some' })
  expect(await server.changes.list.query()).toEqual(['some'])
})

test('a caller who leaves the queue for a connection does not take one with them', async () => {
  await using server = await startFaultServer({ poolSize: 1 })
  const nap = server.changes.nap.query({ seconds: 1 })
  await expect.poll(server.naps).toBe(1)
  const controller = new AbortController()
  const waiting = server.changes.list.query(undefined, controller)
  // Beside it, one of the server's own loops may be waiting.
  await expect.poll(() => server.app.metrics.snapshot().gauges.db_pool_waiting).toBeGreaterThan(0)
  controller.abort()
  await expect(waiting).rejects.toMatchObject({ reason: 'ABORTED' })
  expect(await nap).toBe('rested')
  expect(await server.changes.list.query()).toEqual([])
})

test('idle connections that Postgres ends are replaced', async () => {
  await using server = await startFaultServer({ poolSize: 3 })
  await Promise.all([1, 2, 3].map(() => server.changes.nap.query({ seconds: 0.1 })))
  expect(await server.terminateSessions()).toBeGreaterThan(0)
  await expect.poll(() => server.changes.list.query().catch(() => 'failed')).toEqual([])
})

test('connections are counted as they are opened, discarded and closed', async () => {
  await using server = await startFaultServer({ poolSize: 1 })
  const counters = () => server.app.metrics.snapshot().counters
  expect(counters()).toMatchObject({ db_pool_connections_opened_total: 1 })
  expect(counters()).not.toHaveProperty('db_pool_connections_closed_total')
  const controller = new AbortController()
  const nap = server.changes.nap.query({ seconds: 30 }, controller)
  await expect.poll(server.naps).toBe(1)
  controller.abort()
  await expect(nap).rejects.toMatchObject({ reason: 'ABORTED' })
  expect(await server.changes.list.query()).toEqual([])
  await expect.poll(counters).toMatchObject({
    db_pool_connections_opened_total: 2,
    db_pool_connections_discarded_total: 1,
    db_pool_connections_closed_total: 1,
  })
  expect(server.app.metrics.snapshot().gauges).toMatchObject({ db_pool_connections: 1 })
})

test.each(['ask', 'commit'] as const)(
  'a connection that Postgres ends before a handler would %s fails its call and no more',
  async (next) => {
    await using server = await startFaultServer({ poolSize: 1 })
    const change = server.changes.makeAndMeet.mutate({ id: 'halfway', next })
    await halfway.met(1)
    expect(await server.terminateSessions()).toBeGreaterThan(0)
    await expect.poll(() => server.logs.map(({ msg }) => msg)).toContain(BROKE)
    halfway.letGo()
    // Not COMMIT_UNKNOWN: no commit was ever sent.
    await expect(change).rejects.toMatchObject(UNAVAILABLE)
    expect(await server.changes.list.query()).toEqual([])
  },
)

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { halfway } from './fault-app.fixture.ts'
import { startFaultServer } from './fault-server.fixture.ts'

let server: Awaited<ReturnType<typeof startFaultServer>>
beforeAll(async () => {
  server = await startFaultServer({ poolSize: 4 })
})
afterAll(() => server[Symbol.asyncDispose]())

const SOON = { timeout: 1_500, interval: 20 }
const ABORTED = { reason: 'ABORTED' }
const DEADLINE = { reason: 'DEADLINE_EXCEEDED', retryable: false }

/** Resolves when the server has written the line of a call that was to end like this. */
async function logged(procedure: string, outcome: string) {
  const line = () =>
    server.logs.find((entry) => entry.procedure === procedure && entry.outcome === outcome)
  await expect.poll(line, SOON).toBeDefined()
}

describe('a caller who leaves', () => {
  test('ends the own query on the server, and nobody else’s', async () => {
    const other = server.changes.nap.query({ seconds: 2 })
    await expect.poll(server.naps).toBe(1)
    const controller = new AbortController()
    const own = server.changes.nap.query({ seconds: 30 }, controller)
    await expect.poll(server.naps).toBe(2)
    controller.abort()
    await expect(own).rejects.toMatchObject(ABORTED)
    await expect.poll(server.naps, SOON).toBe(1)
    expect(await other).toBe('rested')
  })

  test('rolls the own transaction back', async () => {
    const controller = new AbortController()
    const change = server.changes.makeAndNap.mutate({ id: 'left' }, controller)
    await expect.poll(server.naps).toBe(1)
    controller.abort()
    await expect(change).rejects.toMatchObject(ABORTED)
    await expect.poll(server.naps, SOON).toBe(0)
    await logged('changes.makeAndNap', 'CLIENT_CLOSED_REQUEST')
    expect(await server.rowsOf('left')).toBe(0)
    await server.changes.make.mutate({ id: 'left' }) // nothing holds the row any more
  })

  test('rolls back at once what a handler that does not listen has begun', async () => {
    const controller = new AbortController()
    const input = { id: 'deaf', next: 'commit' } as const
    const change = server.changes.makeAndMeet.mutate(input, controller)
    await halfway.met(1)
    controller.abort()
    await expect(change).rejects.toMatchObject(ABORTED)
    await logged('changes.makeAndMeet', 'CLIENT_CLOSED_REQUEST')
    await server.changes.make.mutate({ id: 'deaf' }) // would wait for the other, and then fail
    halfway.letGo()
    expect(await server.rowsOf('deaf')).toBe(1)
  })

  // A pooler has sessions of its own, and does not say whose it gave.
  const isPooled = process.env.TEST_THROUGH_POOLER === '1'
  test.skipIf(isPooled)('leaves no session behind that a late cancel could still hit', async () => {
    await using small = await startFaultServer({ poolSize: 1 })
    const session = async () => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(
        small.app.resources.db,
      )
      return rows[0]?.pid
    }
    const before = await session()
    const controller = new AbortController()
    const nap = small.changes.nap.query({ seconds: 30 }, controller)
    await expect.poll(small.naps).toBe(1)
    controller.abort()
    await expect(nap).rejects.toMatchObject(ABORTED)
    await expect.poll(session, SOON).not.toBe(before)
  })

  test('gives the connection back, also when it is the only one', async () => {
    await using small = await startFaultServer({ poolSize: 1 })
    for (let round = 1; round <= 3; round++) {
      const controller = new AbortController()
      const nap = small.changes.nap.query({ seconds: 30 }, controller)
      await expect.poll(small.naps).toBe(1)
      controller.abort()
      await expect(nap).rejects.toMatchObject(ABORTED)
      expect(await small.changes.list.query()).toEqual([])
    }
  })

  test('never hits the next call on the same connection, however many leave', async () => {
    const before = await server.changes.list.query()
    const rounds = Array.from({ length: 40 }, async (_, index) => {
      const controller = new AbortController()
      const nap = server.changes.nap.query({ seconds: 30 }, controller)
      const change = server.changes.make.mutate({ id: `steadfast ${index}` })
      setTimeout(() => controller.abort(), index * 5)
      await expect(nap).rejects.toMatchObject(ABORTED)
      await change
    })
    await Promise.all(rounds)
    expect(await server.changes.list.query()).toHaveLength(before.length + rounds.length)
  })
})

describe('a call whose time is up', () => {
  test('fails with DEADLINE_EXCEEDED, and its query ends on the server', async () => {
    const nap = server.changes.napInVain.query({ seconds: 30 })
    await expect(nap).rejects.toMatchObject(DEADLINE)
    await expect.poll(server.naps, SOON).toBe(0)
  })

  test('is rolled back', async () => {
    const change = server.changes.makeInHaste.mutate({ id: 'late', seconds: 30 })
    await expect(change).rejects.toMatchObject(DEADLINE)
    expect(await server.naps()).toBe(0)
    await server.changes.make.mutate({ id: 'late' })
  })

  test('answers with HTTP 504', async () => {
    const input = encodeURIComponent(JSON.stringify({ json: { seconds: 30 } }))
    const response = await fetch(`${server.url}/rpc/changes.napInVain?input=${input}`)
    expect(response.status).toBe(504)
    expect(await response.text()).toContain('DEADLINE_EXCEEDED')
  })
})

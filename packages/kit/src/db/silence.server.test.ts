import { afterAll, beforeAll, expect, test } from 'vitest'

import { startFaultServer } from './fault-server.fixture.ts'

/** A network that died: nothing comes back, and nobody says that the connection broke. */
let server: Awaited<ReturnType<typeof startFaultServer>>
beforeAll(async () => {
  server = await startFaultServer({ poolSize: 1, statementTimeoutMs: 1_000 })
})
afterAll(() => server[Symbol.asyncDispose]())

test('a query that is never answered ends with its deadline, and its connection is given up', async () => {
  server.proxy.cutNext({ at: /pg_sleep/, moment: 'silent' })
  const startedAt = performance.now()
  const call = server.changes.napInVain.query({ seconds: 30 })
  await expect(call).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  expect(performance.now() - startedAt).toBeLessThan(1_500)
  expect(await server.changes.nap.query({ seconds: 0 })).toBe('rested')
})

test('a transaction whose statement is never answered ends, and its connection is given up', async () => {
  server.proxy.cutNext({ at: /pg_sleep/, moment: 'silent' })
  const call = server.changes.makeInHaste.mutate({ id: 'unheard', seconds: 30 })
  await expect(call).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
  expect(await server.changes.nap.query({ seconds: 0 })).toBe('rested')
  expect(await server.rowsOf('unheard')).toBe(0)
})

test('a commit that is never answered is an unknown end, and not a deadline', async () => {
  server.proxy.cutNext({ at: /^commit$/, moment: 'silent' })
  const call = server.changes.makeInHaste.mutate({ id: 'unconfirmed', seconds: 0 })
  await expect(call).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN', retryable: false })
  expect(await server.rowsOf('unconfirmed')).toBe(1)
  expect(await server.changes.nap.query({ seconds: 0 })).toBe('rested')
})

test('a readiness probe that is never answered says so, and takes no connection for good', async () => {
  const probe = async () => (await fetch(`${server.url}/readyz`)).status
  await expect.poll(probe).toBe(200)
  server.proxy.cutNext({ at: /^select 1$/, moment: 'silent' })
  await expect.poll(probe, { timeout: 10_000 }).toBe(503)
  await expect.poll(probe, { timeout: 10_000 }).toBe(200)
  expect(await server.changes.nap.query({ seconds: 0 })).toBe('rested')
})

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { startFaultServer } from './fault-server.fixture.ts'

const throughPooler = process.env.TEST_THROUGH_POOLER === '1'

/** What PgBouncer's console says; it knows only the simple protocol. */
async function askConsole(command: string): Promise<Record<string, unknown>[]> {
  const url = new URL(process.env.TEST_DATABASE_POOLER_URL ?? '')
  url.pathname = '/pgbouncer'
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    return (await client.query(command)).rows
  } finally {
    await client.end()
  }
}

/** Ports from which PgBouncer has connected to Postgres. */
async function poolerPorts(): Promise<unknown[]> {
  return throughPooler ? (await askConsole('show servers')).map((row) => row.local_port) : []
}

/** What needs a session of its own: listening, its sign of life, leading. */
const ON_DIRECT = /^(listen .*|select|select 1|select pg_try_advisory_lock.*)$/i

test('every session of calls comes from PgBouncer in a run through it, and else none', async () => {
  await using server = await startFaultServer()
  await server.changes.make.mutate({ id: 'a' })
  const sessions = await server.ask<{ client_port: number; query: string }>(
    `select client_port, query from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()
       and backend_type = 'client backend'`,
  )
  const ports = await poolerPorts()
  const isPooled = ({ client_port: port }: { client_port: number }) => ports.includes(port)
  expect(sessions.some(isPooled)).toBe(throughPooler)
  const isOfCalls = ({ query }: { query: string }) => !ON_DIRECT.test(query)
  const direct = sessions.filter((session) => !isPooled(session) && isOfCalls(session))
  expect(direct.length > 0).toBe(!throughPooler)
})

test('PgBouncer lends a session for one transaction at a time', async () => {
  const config = throughPooler ? await askConsole('show config') : []
  const mode = config.find(({ key }) => key === 'pool_mode')?.value
  expect(mode).toBe(throughPooler ? 'transaction' : undefined)
})

test('a transaction that waits for a session of PgBouncer ends with its call', async () => {
  await using server = await startFaultServer()
  // As many as PgBouncer has sessions.
  const naps = [1, 2, 3].map(() => server.changes.nap.query({ seconds: 4 }))
  await expect.poll(server.naps).toBe(3)
  const startedAt = performance.now()
  const [, error] = await safe(server.changes.makeInHaste.mutate({ id: 'hasty', seconds: 0 }))
  expect(error?.reason).toBe(throughPooler ? 'DEADLINE_EXCEEDED' : undefined)
  expect(performance.now() - startedAt).toBeLessThan(3_000)
  expect(await Promise.all(naps)).toEqual(['rested', 'rested', 'rested'])
  expect(await server.rowsOf('hasty')).toBe(throughPooler ? 0 : 1)
})

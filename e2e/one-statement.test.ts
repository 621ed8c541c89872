import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'

import { redisPath } from './setup/has-redis.ts'

const CALLS = 10
const ROUNDS = 10

/** The database, of which Postgres logs every statement of a session that begins now. */
let home: TestServer<typeof app>
let database: Client
beforeAll(async () => {
  home = await startTestServer(app)
  database = new Client({ connectionString: home.databaseUrl })
  database.on('error', () => {}) // the query that is under way fails
  await database.connect()
  const { rows } = await database.query<{ name: string }>('select current_database() as name')
  await database.query(`alter database ${rows[0]?.name} set log_statement = 'all'`)
})
afterAll(async () => {
  await database.end()
  await home[Symbol.asyncDispose]()
})

function startServer(redis: 'real' | 'none') {
  const timeouts = { acquireTimeoutMs: 5_000, statementTimeoutMs: 15_000 }
  const config = {
    database: { url: home.databaseUrl, directUrl: undefined, poolSize: 10, ...timeouts },
  }
  return startTestServer(app, { redis, config })
}

/** Postgres' own log, from the beginning: where the embedded one writes it. */
async function readLog(): Promise<string> {
  const { rows } = await database.query<{ data_directory: string }>('show data_directory')
  return readFile(join(rows[0]?.data_directory ?? '', '..', 'postgres.log'), 'utf8')
}

/** The statements on items in a part of the log. Nobody else's are logged. */
function statementsOnItems(log: string): string[] {
  const entries = log.split(/^(?=\d{4}-\d\d-\d\d )/m)
  return entries.filter((entry) => /LOG: {2}(execute|statement)\b[^]*\bitem\b/.test(entry))
}

/** As many new items of a new owner, whom nobody has asked about yet. */
async function someItems(server: TestServer<typeof app>) {
  const { items } = server.clientAs({ userId: crypto.randomUUID(), scopes: ['items:import'] })
  const { results } = await items.bulkCreate.mutate({
    items: Array.from({ length: CALLS }, (_, n) => ({ sku: `${n}`, name: 'Rope', priceMinor: 1n })),
  })
  return { items, ids: results.flatMap((result) => ('id' in result ? [result.id] : [])) }
}

describe.each(['none', 'real'] as const)('Redis: %s', (redis) => {
  const isMissing = redis === 'real' && redisPath === undefined
  test.skipIf(isMissing)(
    'a batch of 10 items.get in one HTTP request is one statement',
    async () => {
      await using server = await startServer(redis)
      const { items: others, ids: known } = await someItems(server)
      await others.get.query({ id: known[0] ?? '' }) // a new Redis asks for each script once
      for (let round = 1; round <= ROUNDS; round++) {
        const { items, ids } = await someItems(server)
        const before = (await readLog()).length
        const found = await Promise.all(ids.map((id) => items.get.query({ id })))
        expect(found.map(({ id }) => id)).toEqual(ids)

        const statements = statementsOnItems((await readLog()).slice(before))
        expect(statements).toHaveLength(1)
        expect(statements[0]).toContain('unnest')
        const calls = server.logs.filter((line) => line.procedure === 'items.get' && line.outcome)
        const requests = new Set(calls.slice(-CALLS).map(({ requestId }) => requestId))
        expect([found.length, requests.size]).toEqual([CALLS, 1])
      }
    },
  )
})

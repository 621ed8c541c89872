import { Client, type QueryResultRow } from 'pg'

import { readLanes } from '../app.ts'
import { startTestServer } from '../testing/start-test-server.ts'
import { createTestDatabase, withDatabase } from '../testing/test-database.ts'
import { provideTestPostgres } from '../testing/test-postgres.ts'
import { createCuttingProxy } from './cutting-proxy.fixture.ts'
import { faultApp } from './fault-app.fixture.ts'
import type { DatabaseConfig } from './pool.ts'

type Limits = Partial<Omit<DatabaseConfig, 'url' | 'directUrl'>>

/** A running `faultApp` whose way to the database can be cut, and a way around that for the test. */
export async function startFaultServer(limits: Limits = {}) {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await provideTestPostgres())
  const { name } = stack.use(await createTestDatabase(postgres.adminUrl, await readLanes(faultApp)))
  const directUrl = withDatabase(postgres.adminUrl, name)
  const usualUrl = withDatabase(postgres.poolerUrl ?? postgres.adminUrl, name)
  const proxy = stack.use(await createCuttingProxy(usualUrl))
  const own = new Client({ connectionString: directUrl })
  own.on('error', () => {}) // a lost connection fails the query that is under way
  await own.connect()
  stack.defer(() => own.end())
  const server = stack.use(
    await startTestServer(faultApp, {
      config: {
        database: {
          url: proxy.url,
          directUrl: postgres.poolerUrl === undefined ? undefined : directUrl,
          poolSize: 5,
          acquireTimeoutMs: 5_000,
          statementTimeoutMs: 15_000,
          ...limits,
        },
      },
    }),
  )
  const running = stack.move()

  /** Runs SQL around the server and the pooler. */
  async function ask<Row extends QueryResultRow>(text: string, values: unknown[] = []) {
    return (await own.query<Row>(text, values)).rows
  }

  return {
    ...server,
    proxy,
    ask,
    changes: server.client().changes,
    rowsOf: async (id: string) => (await ask('select id from change where id = $1', [id])).length,
    /** How many sessions of this database are asleep in `pg_sleep`. */
    naps: async () => (await ask(NAPS)).length,
    /** Ends every session of this database but its own. Returns how many. */
    terminateSessions: async () => (await ask(TERMINATE)).length,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const OTHERS = 'datname = current_database() and pid <> pg_backend_pid()'
const NAPS = `select pid from pg_stat_activity
  where ${OTHERS} and state = 'active' and query like '%pg_sleep%'`
const TERMINATE = `select pg_terminate_backend(pid, 1000) from pg_stat_activity
  where ${OTHERS} and backend_type = 'client backend'`

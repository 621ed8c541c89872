import { Client, type QueryResultRow } from 'pg'

import { createTestDatabase, withDatabase } from '../testing/test-database.ts'
import { provideTestPostgres } from '../testing/test-postgres.ts'
import type { Lanes } from './migrations.ts'
import type { DatabaseConfig } from './pool.ts'

/** One database for several servers, or parts of them, and a way around them for the test. */
export async function createSharedDatabase(lanes: Lanes = { library: {}, app: {} }) {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await provideTestPostgres())
  const { name } = stack.use(await createTestDatabase(postgres.adminUrl, lanes))
  const directUrl = withDatabase(postgres.adminUrl, name)
  const own = new Client({ connectionString: directUrl })
  own.on('error', () => {}) // a lost connection fails the query that is under way
  await own.connect()
  stack.defer(() => own.end())
  const running = stack.move()
  const config: DatabaseConfig = {
    url: postgres.poolerUrl === undefined ? directUrl : withDatabase(postgres.poolerUrl, name),
    directUrl: postgres.poolerUrl === undefined ? undefined : directUrl,
    poolSize: 2,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
  }
  return {
    config,
    /** Runs SQL around the servers and any pooler. */
    ask: async <Row extends QueryResultRow>(text: string) => (await own.query<Row>(text)).rows,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

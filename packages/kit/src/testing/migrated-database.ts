import type { AppDefinition } from '../app-definition.ts'
import { readLanes } from '../app.ts'
import type { Db } from '../db/database.ts'
import { openDatabase } from '../db/open.ts'
import { openPool } from '../db/pool.ts'
import { createLogger } from '../platform/logger.ts'
import { createTestDatabase, withDatabase } from './test-database.ts'
import { provideTestPostgres } from './test-postgres.ts'

/** A database that a backend has just migrated, and a connection to it like the backend's own. */
export interface MigratedDatabase extends AsyncDisposable {
  /** Leads to Postgres itself. */
  readonly url: string
  readonly db: Db
}

/** Makes one that nobody else uses; it is dropped when it is disposed of. */
export async function openMigrated(definition: AppDefinition): Promise<MigratedDatabase> {
  await using stack = new AsyncDisposableStack()
  const { adminUrl } = stack.use(await provideTestPostgres())
  const { name } = stack.use(await createTestDatabase(adminUrl, await readLanes(definition)))
  const url = withDatabase(adminUrl, name)
  const config = {
    url,
    directUrl: undefined,
    poolSize: 1,
    acquireTimeoutMs: 5_000,
    statementTimeoutMs: 15_000,
  }
  const pool = openPool(config, createLogger('silent'))
  stack.defer(() => pool.end())
  const opened = stack.move()
  return {
    url,
    db: openDatabase(pool, config),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

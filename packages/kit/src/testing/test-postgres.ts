import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { acquireEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts'

/** A Postgres for tests to make their databases in. */
export interface TestPostgres extends AsyncDisposable {
  /** Leads to a superuser's session in the database `postgres`. */
  readonly adminUrl: string
  /** Leads to the same server through a pooler, when tests are to go through one. */
  readonly poolerUrl: string | undefined
}

/** Set by the global setup, and by whoever wants tests to use another server. */
export const ADMIN_URL = 'TEST_DATABASE_URL'

/** A pooler before that server, used by the runs that say `TEST_THROUGH_POOLER=1`. */
const POOLER_URL = 'TEST_DATABASE_POOLER_URL'
const THROUGH_POOLER = 'TEST_THROUGH_POOLER'

/** The Postgres of the test run, or else one of its own that ends when it is disposed of. */
export async function provideTestPostgres(): Promise<TestPostgres> {
  const adminUrl = process.env[ADMIN_URL]
  if (adminUrl === undefined) return startTestPostgres()
  const poolerUrl = process.env[THROUGH_POOLER] === '1' ? process.env[POOLER_URL] : undefined
  return { adminUrl, poolerUrl, async [Symbol.asyncDispose]() {} }
}

/** Starts a throw-away Postgres on a free port. It forgets everything when it is disposed of. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'tautline-test-'))
  await chmod(dir, 0o755) // the server runs as another user where this process is root
  const postgres = await acquireEmbeddedPostgres({
    dir: join(dir, 'postgres'),
    database: 'postgres',
    // The data need not survive the machine; it does survive the server.
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  return {
    adminUrl: postgres.url,
    poolerUrl: undefined,
    async [Symbol.asyncDispose]() {
      await postgres.release()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

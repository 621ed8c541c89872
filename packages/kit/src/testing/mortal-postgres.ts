import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { acquireEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts'
import { stopServer } from '../platform/embedded-postgres/postmaster.ts'

/** How a Postgres can end: two kinds of shutdown, and a crash of its first process. */
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', 'kill -9': 'SIGKILL' } as const

export type PostgresEnd = keyof typeof SIGNALS

/** A real Postgres of a test's own, which can be made to end and come back with its data. */
export interface MortalPostgres extends AsyncDisposable {
  /** Leads to a superuser's session in the database `postgres`, at another port after each restart. */
  readonly url: string
  /** Ends it, which cuts all connections, and starts it again. Resolves once it answers. */
  restart(end: PostgresEnd): Promise<void>
  /** All that it has logged so far. */
  log(): Promise<string>
}

export interface MortalPostgresOptions {
  /** Server settings, by name: `{ deadlock_timeout: '20ms' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts a Postgres in a folder of its own, which goes when it is disposed of. What it has
 * acknowledged is there after any end of its processes, though not after one of the machine.
 */
export async function startMortalPostgres({
  settings = {},
}: MortalPostgresOptions = {}): Promise<MortalPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'tautline-test-'))
  await chmod(dir, 0o755) // the server runs as another user where this process is root
  const acquire = () =>
    acquireEmbeddedPostgres({
      dir: join(dir, 'postgres'),
      database: 'postgres',
      settings: { fsync: 'off', ...settings },
    })
  let postgres = await acquire()
  const home = dirname(postgres.dataDir)
  return {
    get url() {
      return postgres.url
    },
    async restart(end) {
      await stopServer(postgres.dataDir, SIGNALS[end])
      await postgres.release()
      postgres = await acquire()
    },
    log: () => readFile(join(home, 'postgres.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      await postgres.release()
      await Promise.all([dir, home].map((folder) => rm(folder, { recursive: true, force: true })))
    },
  }
}

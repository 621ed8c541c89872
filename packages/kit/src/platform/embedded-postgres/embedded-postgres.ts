import { findPackage, prepareBinaries } from './binaries.ts'
import { describeCluster, ensureCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { ensureDatabase } from './connection.ts'
import { addHolder, removeHolder } from './holders.ts'
import { withLock } from './lock.ts'
import { findServer, stopServer } from './postmaster.ts'
import { chooseHome, findRunUser, privateStore } from './run-user.ts'
import { startServer } from './server.ts'

export interface EmbeddedPostgresOptions {
  /**
   * Where the cluster's files shall live, e.g. `<checkout>/.data/postgres`. When this process
   * is root and `nobody` cannot reach the folder, they live elsewhere: see `dataDir`.
   */
  dir: string
  /** Database created when missing: letters, digits, _ and -, at most 63. Default 'tautline'. */
  database?: string
  /** Extra server settings, e.g. { fsync: 'off' }. A server that already runs keeps its own. */
  settings?: Readonly<Record<string, string>>
}

export interface EmbeddedPostgres {
  /** postgres://postgres@127.0.0.1:<port>/<database> */
  url: string
  /** Where the files really are. */
  dataDir: string
  /** True when a running server was joined. */
  reused: boolean
  /**
   * Gives up this hold. The last live holder stops the server: open connections are cut, and
   * it resolves once the server has ended. Safe to call twice; after a failure, call it again.
   */
  release(): Promise<void>
}

/**
 * A real Postgres for development and tests, from the binaries that came with the packages.
 *
 * The first holder of `dir` creates the cluster and starts the server, further ones (of this
 * or other processes) join it, the last live one to release stops it. The server outlives its
 * holders' deaths, and a start after kill -9 of everything keeps all committed rows.
 *
 * Anybody who can reach 127.0.0.1 can log in as superuser: never use it for more than
 * development. Fails when there is no Postgres for this machine (the message says to set
 * DATABASE_URL), when the folder belongs to another user or another major version, and when
 * the server does not come up within 30 s (the message shows its log).
 */
export async function acquireEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const database = options.database ?? 'tautline'
  // Other names are legal, but pg does not read all of them back from a URL.
  if (!/^[\w-]{1,63}$/.test(database)) throw new Error(`Not a usable database name: ${database}`)
  const cluster = await locateCluster(options.dir)

  const { port, reused, holder } = await withLock(cluster.lockFile, async () => {
    await ensureCluster(cluster)
    const newHolder = await addHolder(cluster.holdersDir)
    try {
      const running = await findServer(cluster.dataDir)
      const newPort = running ?? (await startServer(cluster, options.settings ?? {}))
      await ensureDatabase(newPort, database)
      return { port: newPort, reused: running !== undefined, holder: newHolder }
    } catch (error) {
      // Of two failures the first one tells more.
      await letGo(cluster, newHolder).catch(() => {})
      throw error
    }
  })

  let released: Promise<void> | undefined
  return {
    url: `postgres://postgres@127.0.0.1:${port}/${database}`,
    dataDir: cluster.dataDir,
    reused,
    release: () => {
      released ??= withLock(cluster.lockFile, () => letGo(cluster, holder)).catch(
        (error: unknown) => {
          released = undefined
          throw error
        },
      )
      return released
    },
  }
}

async function locateCluster(dir: string): Promise<Cluster> {
  const user = findRunUser()
  const store = privateStore(user)
  const binaries = await prepareBinaries(await findPackage(), user, store)
  return describeCluster(await chooseHome(dir, user, store), user, binaries)
}

async function letGo(cluster: Cluster, holder: string): Promise<void> {
  const others = await removeHolder(cluster.holdersDir, holder)
  if (others === 0) await stopServer(cluster.dataDir)
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

import { pgBouncerPath } from './has-pgbouncer.ts'

const STARTUP_MS = 10_000

/** For vitest's `globalSetup`, after the one of Postgres: a PgBouncer in transaction mode before it. */
export default async function setup(): Promise<() => Promise<void>> {
  const pooler = await startPooler(process.env.TEST_DATABASE_URL ?? '')
  process.env.TEST_DATABASE_POOLER_URL = pooler.url
  return async () => pooler[Symbol.asyncDispose]()
}

export interface Pooler extends AsyncDisposable {
  /** Leads to the database `postgres`; every other database can be had in its place. */
  readonly url: string
}

/** Starts a PgBouncer in transaction mode before the Postgres of this connection string. */
export async function startPooler(postgresUrl: string): Promise<Pooler> {
  if (pgBouncerPath === undefined) throw new Error('PgBouncer is not installed.')
  const folder = await mkdtemp(join(tmpdir(), 'tautline-pgbouncer-'))
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(file, configuration(new URL(postgresUrl), port))
  await chmod(folder, 0o755)
  const asRoot = userInfo().uid === 0 // PgBouncer refuses to run as root
  const pooler = spawn(pgBouncerPath, [...(asRoot ? ['-u', 'nobody'] : []), file], {
    stdio: 'ignore',
  })
  await answering(port)
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      // A PgBouncer that died under the tests must not pass for one that was never used.
      if (pooler.exitCode !== null) throw new Error(`PgBouncer ended with ${pooler.exitCode}.`)
      const exited = once(pooler, 'exit')
      pooler.kill('SIGINT')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Few server connections for many clients, so that sessions really are shared. */
function configuration(postgres: URL, port: number): string {
  return `[databases]
* = host=${postgres.hostname} port=${postgres.port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 500
server_idle_timeout = 2
; Usually 15 s, for which one login that failed keeps everybody waiting.
server_login_retry = 1
`
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo // oxlint-disable-line typescript/consistent-type-assertions -- a TCP server has no other address
  probe.close()
  await once(probe, 'close')
  return port
}

async function answering(port: number): Promise<void> {
  const giveUpAt = Date.now() + STARTUP_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (Date.now() > giveUpAt) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      socket.destroy()
    }
  }
}

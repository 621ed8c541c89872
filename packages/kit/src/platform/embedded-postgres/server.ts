import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'

import type { Cluster } from './cluster.ts'
import { SERVER_ENV } from './cluster.ts'
import { servesFrom } from './connection.ts'
import { messageOf } from './errors.ts'
import { poll } from './poll.ts'
import { pidFileOf } from './postmaster.ts'
import { spawnAs } from './run-user.ts'

type Settings = Readonly<Record<string, string>>

const START_MS = 30_000
const LOG_LIMIT_BYTES = 10_000_000
const LOG_TAIL_LINES = 20
const DEFAULTS: Settings = {
  max_connections: '200',
  shared_buffers: '64MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
}
/**
 * Reasons that pass by themselves: somebody took the free port first, or the sessions of a
 * server that was killed are still ending.
 */
const PASSING = /Address already in use|shared memory block .* is still in use/

/**
 * Starts the server on a free port of 127.0.0.1, in a session of its own, and gives the port
 * once it accepts connections. It outlives this process. Fails with the last lines of its log
 * when it ends or does not answer within 30 s. Call under the cluster's lock, when no server
 * runs from the data folder.
 */
export async function startServer(cluster: Cluster, settings: Settings): Promise<number> {
  // What a killed server left behind: its pid may by now be anybody's, and Postgres would then
  // refuse to start. Sessions that survived it are still found by their shared memory.
  await rm(pidFileOf(cluster.dataDir), { force: true })
  let failure = 'no attempt was made'
  const port = await poll(async () => {
    const candidate = await findFreePort()
    const attempt = await launch(cluster, serverArguments(cluster.dataDir, settings, candidate))
    const outcome = await poll(async () => {
      if (await servesFrom(candidate, cluster.dataDir)) return 'ready'
      return attempt.ended()
    }, START_MS)
    if (outcome === 'ready') return candidate
    failure = `${outcome ?? `no answer within ${START_MS} ms`}\n${await attempt.log()}`
    if (outcome === undefined || !PASSING.test(failure)) throw startError(cluster, failure)
    return undefined
  }, START_MS)
  if (port === undefined) throw startError(cluster, failure)
  return port
}

async function launch(cluster: Cluster, args: string[]) {
  const log = await open(cluster.logFile, await logFlag(cluster.logFile), 0o600)
  const { size: logStart } = await log.stat()
  const child = spawn(cluster.binaries.postgres, args, {
    ...spawnAs(cluster.user),
    cwd: cluster.home,
    env: SERVER_ENV,
    // A session of its own: Ctrl-C in the terminal must let our process drain first.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  let ended: string | undefined
  child.once('error', (error) => (ended = messageOf(error)))
  child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? `code ${code}`}`))
  child.unref()
  await log.close()
  return {
    ended: async () => ended,
    log: async () => {
      const text = (await readFile(cluster.logFile)).subarray(logStart).toString()
      return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
    },
  }
}

/** The last word wins, so no setting can open the server to the network. */
function serverArguments(dataDir: string, settings: Settings, port: number): string[] {
  const fixed = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const all = [...Object.entries({ ...DEFAULTS, ...settings }), ...Object.entries(fixed)]
  return ['-D', dataDir, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

async function logFlag(file: string): Promise<'a' | 'w'> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  return size > LOG_LIMIT_BYTES ? 'w' : 'a'
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port was found')
  return address.port
}

function startError({ dataDir, logFile }: Cluster, failure: string): Error {
  return new Error(`Postgres did not start from ${dataDir} (log: ${logFile}): ${failure}`)
}

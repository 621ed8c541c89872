import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { Client } from 'pg'

import { FILES_FOLDER } from '../setup/files-folder.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const STOP_TIMEOUT_MS = 20_000

/** A real server in a process of its own. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Every line that it has logged so far, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[]
  /** What became of it, when it has ended: an exit code, or a signal. */
  ended(): number | NodeJS.Signals | null
}

/** One on a migrated database of its own. */
export interface ServerProcess extends RunningServer {
  /** Leads to its database, around any pooler. */
  readonly databaseUrl: string
}

/**
 * Starts the reference backend as in production; through a pooler when one is given, and with
 * `settings` in its environment.
 */
export async function startServerProcess(
  poolerUrl?: string,
  settings: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  await using stack = new AsyncDisposableStack()
  const { directUrl, name } = stack.use(await createDatabase())
  const server = stack.use(
    await startServer({
      DATABASE_URL: poolerUrl === undefined ? directUrl : withDatabase(poolerUrl, name),
      ...(poolerUrl !== undefined && { DATABASE_DIRECT_URL: directUrl }),
      ...settings,
    }),
  )
  const running = stack.move()
  return {
    ...server,
    databaseUrl: directUrl,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Migrates the database that the environment names, and starts the reference backend on it. */
export async function startServer(environment: NodeJS.ProcessEnv): Promise<RunningServer> {
  const migration = launch(['migrate', 'up'], environment)
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')

  await using stack = new AsyncDisposableStack()
  const server = launch(['start'], environment)
  stack.defer(() => stop(server))
  const logs: Record<string, unknown>[] = []
  const url = await listening(server, logs)
  const running = stack.move()
  return {
    url,
    pid: server.pid ?? 0,
    logs,
    ended: () => server.exitCode ?? server.signalCode,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Starts a command of the reference backend. */
export function launch(command: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  const args = [
    '--conditions=@tautline/source',
    'packages/kit/src/cli/main.ts',
    ...command,
    '--app',
    'packages/server/src/app.ts',
  ]
  return spawn(process.execPath, args, {
    cwd: ROOT,
    env: {
      ...nodeEnvironment,
      NODE_ENV: 'production',
      PORT: '0',
      LOG_LEVEL: 'info',
      TAUTLINE_HOSTS: '*',
      TAUTLINE_SECRET: 'a secret that is only good for tests',
      TAUTLINE_DRAIN_QUIET_MS: '0',
      TAUTLINE_FILES: FILES_FOLDER,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Collects the log, and resolves to the URL in the line that tells it. */
export function listening(server: ChildProcess, logs: Record<string, unknown>[]): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error('The server ended before it listened.')))
    if (!server.stdout) return
    createInterface({ input: server.stdout }).on('line', (text) => {
      // oxlint-disable-next-line typescript/consistent-type-assertions -- the log is JSON objects
      const line = JSON.parse(text) as Record<string, unknown>
      logs.push(line)
      if (line.msg === 'listening') resolve(String(line.url))
    })
  })
}

/** The exit code of a process, once it has ended; null when a signal ended it. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  child.stdout?.resume()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

async function stop(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await exitOf(child)
  clearTimeout(timer)
}

/** An empty database, dropped when it is disposed of. */
export async function createDatabase() {
  const adminUrl = process.env.TEST_DATABASE_URL ?? ''
  const name = `fault_${crypto.randomUUID().replaceAll('-', '')}`
  const asAdmin = async (statement: string) => {
    await using admin = await openSession(adminUrl)
    await admin.client.query(statement)
  }
  await asAdmin(`create database ${name}`)
  return {
    name,
    directUrl: withDatabase(adminUrl, name),
    [Symbol.asyncDispose]: () => asAdmin(`drop database ${name} with (force)`),
  }
}

/** One connection for a test's own questions. */
export async function openSession(connectionString: string) {
  const client = new Client({ connectionString })
  client.on('error', () => {}) // a lost connection fails the query that is under way
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

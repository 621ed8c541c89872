import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { until } from '../dev/wait.ts'
import { createDatabase, exitOf } from '../faults/server-process.ts'
import { freePort } from '../rolling-restart/ports.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'
import { ask } from './calls.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SERVER = fileURLToPath(new URL('./server.fixture.ts', import.meta.url))
const APP = fileURLToPath(new URL('./counter-app.ts', import.meta.url))

/** Two processes of the backend of `counter-app.ts`, on one database. */
export interface Backend extends AsyncDisposable {
  readonly urls: readonly [string, string]
  readonly databaseUrl: string
  /** Ends the first one as a crash does. */
  kill(): Promise<void>
  /** Starts it again at the same place. */
  restart(): Promise<void>
}

/** Starts them as in production; each alone with its cache where there is no Redis. */
export async function startBackend(redisUrl?: string): Promise<Backend> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const environment = { DATABASE_URL: directUrl, REDIS_URL: redisUrl }
  if ((await exitOf(start([...MIGRATE, APP], environment))) !== 0) {
    throw new Error('The migrations failed.')
  }
  const servers: ChildProcess[] = []
  stack.defer(async () => void (await Promise.all(servers.map((server) => end(server, 'SIGTERM')))))
  const open = async (index: number, port: number) => {
    servers[index] = start([SERVER], { ...environment, PORT: String(port) })
    const url = `http://127.0.0.1:${port}`
    await until('the server to keep what it answers', () => keepsAnswers(url))
    return url
  }
  const ports = [await freePort(), await freePort()] as const
  const urls = await Promise.all([open(0, ports[0]), open(1, ports[1])])
  const running = stack.move()
  return {
    urls,
    databaseUrl: directUrl,
    kill: async () => servers[0] && end(servers[0], 'SIGKILL'),
    restart: async () => void (await open(0, ports[0])),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Which it does once it hears the other one, by Redis where there is one, and by NOTIFY. */
async function keepsAnswers(url: string): Promise<boolean> {
  const answer = await ask(url, 'counter.get', { input: { id: 'first' } }).catch(() => undefined)
  return answer?.cache === 'hit'
}

const MIGRATE = ['packages/kit/src/cli/main.ts', 'migrate', 'up', '--app']

function start(args: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, ['--conditions=@tautline/source', ...args], {
    cwd: ROOT,
    env: {
      ...nodeEnvironment,
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      TAUTLINE_HOSTS: '*',
      TAUTLINE_SECRET: 'a secret that is only good for tests',
      TAUTLINE_DRAIN_QUIET_MS: '0',
      // A small machine that others use as well is no reason to refuse anybody here.
      TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
      TAUTLINE_MAX_RUNNING: '1000',
      TAUTLINE_MAX_QUEUED: '1000',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function end(server: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const timer = setTimeout(() => server.kill('SIGKILL'), 20_000)
  server.kill(signal)
  await exitOf(server)
  clearTimeout(timer)
}

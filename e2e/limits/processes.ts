import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import { until } from '../dev/wait.ts'
import { exitOf } from '../faults/server-process.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SERVER = fileURLToPath(new URL('./observed-server.fixture.ts', import.meta.url))
const APP = fileURLToPath(new URL('./effects-app.ts', import.meta.url))

const Numbers = z.record(z.string(), z.number())
const Started = z.object({ url: z.string() })
const Look = z.object({ counters: Numbers, gauges: Numbers, most: Numbers })

/** What a process tells of itself; `most` is the worst since the last look. */
export type Look = z.infer<typeof Look>

/** A backend in a process of its own. */
export interface ObservedServer extends AsyncDisposable {
  readonly url: string
  look(): Promise<Look>
  /** What `/readyz` answers. */
  readiness(): Promise<{ readonly status: number; readonly degraded: readonly string[] }>
  /** Every line that it has logged so far. */
  readonly logs: readonly string[]
}

export interface ServerOptions {
  readonly databaseUrl: string
  readonly redisUrl?: string | undefined
  /** What a use of Redis may take, in milliseconds; left out where a test is about that. */
  readonly redisTimeoutMs?: number | undefined
  readonly settings?: NodeJS.ProcessEnv
}

/** Makes the tables of `effects-app.ts`. */
export async function migrate(databaseUrl: string): Promise<void> {
  const migration = start(
    ['packages/kit/src/cli/main.ts', 'migrate', 'up', '--app', APP],
    environmentOf({ databaseUrl }),
  )
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')
}

/** Starts it as in production, behind a proxy on this machine. */
export async function startServer(options: ServerOptions): Promise<ObservedServer> {
  await using stack = new AsyncDisposableStack()
  const { redisTimeoutMs } = options
  const args = redisTimeoutMs === undefined ? [] : [String(redisTimeoutMs)]
  const server = start([SERVER, ...args], environmentOf(options))
  stack.defer(() => stop(server))
  const logs: string[] = []
  server.stdout?.setEncoding('utf8').on('data', (lines: string) => logs.push(lines))
  const { url } = Started.parse(await nextMessage(server))
  await until('the server to be ready', async () => (await fetch(`${url}/readyz`)).ok)
  const running = stack.move()
  return {
    url,
    logs,
    async look() {
      server.send('look')
      return Look.parse(await nextMessage(server))
    },
    async readiness() {
      const response = await fetch(`${url}/readyz`)
      const { degraded } = Readiness.parse(await response.json())
      return { status: response.status, degraded }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const Readiness = z.object({ degraded: z.array(z.string()).default([]) })

function environmentOf({ databaseUrl, redisUrl, settings }: ServerOptions): NodeJS.ProcessEnv {
  return {
    ...nodeEnvironment,
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'warn',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    TAUTLINE_HOSTS: '*',
    TAUTLINE_SECRET: 'a secret that is only good for tests',
    TAUTLINE_TRUSTED_PROXIES: '127.0.0.1',
    TAUTLINE_DRAIN_QUIET_MS: '0',
    // A small machine that others use as well is no reason to refuse anybody here.
    TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
    ...settings,
  }
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, ['--conditions=@tautline/source', ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('The process has ended.'))
    child.once('exit', end)
    child.once('message', (message) => {
      child.off('exit', end)
      resolve(message)
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  child.kill('SIGTERM')
  await exitOf(child)
  clearTimeout(timer)
}

import type { ChildProcess } from 'node:child_process'

import { until } from '../dev/wait.ts'
import { createDatabase, exitOf, launch, listening } from '../faults/server-process.ts'
import { freePort } from './ports.ts'

/** How the servers end at SIGTERM: as they do by themselves, or at once. */
export type Ending = 'drain' | 'process.exit'

/** What a server runs first when it is to end without ceremony. */
const EXIT_AT_ONCE = '--import=data:text/javascript,process.on(%22SIGTERM%22,()=>process.exit(0))'

/** Two servers, as in production, on one database. */
export interface ServerPair extends AsyncDisposable {
  /** Where they are, before and after every restart. */
  readonly addresses: readonly string[]
  readonly databaseUrl: string
  /**
   * Ends one of them and starts another in its place; resolves once that has had a call. Ready is
   * not enough: for `fail_timeout` nginx still leaves it out, and with the other one ended by then
   * there would be nobody.
   */
  restart(index: number): Promise<Restart>
}

export interface Restart {
  readonly pids: readonly [before: number | undefined, after: number | undefined]
  readonly exitCode: number | null
  /** From the signal to the end, in milliseconds. */
  readonly stopMs: number
}

export async function startServerPair(ending: Ending): Promise<ServerPair> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const ports = [await freePort(), await freePort()]
  const environment = {
    DATABASE_URL: directUrl,
    TAUTLINE_PROCESSES: '2',
    TAUTLINE_DRAIN_QUIET_MS: undefined, // as in production
    ...(ending === 'process.exit' && { NODE_OPTIONS: EXIT_AT_ONCE }),
  }
  const migration = launch(['migrate', 'up'], environment)
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')

  const servers: ChildProcess[] = []
  stack.defer(async () => void (await Promise.all(servers.map(end))))
  const start = async (index: number) => {
    servers[index] = launch(['start'], { ...environment, PORT: String(ports[index]) })
    const logs: Readonly<Record<string, unknown>>[] = []
    const url = await listening(servers[index], logs)
    await until('the server to be ready', async () => (await fetch(`${url}/readyz`)).ok)
    return { pid: servers[index].pid, logs }
  }
  await Promise.all(ports.map((_, index) => start(index)))
  const running = stack.move()
  return {
    addresses: ports.map((port) => `127.0.0.1:${port}`),
    databaseUrl: directUrl,
    async restart(index) {
      const old = servers[index]
      if (!old) throw new RangeError(`There is no server ${index}.`)
      const startedAt = performance.now()
      const exitCode = await end(old)
      const stopMs = performance.now() - startedAt
      const { pid, logs } = await start(index)
      await until('the server to be called', () => logs.some((line) => 'procedure' in line))
      return { pids: [old.pid, pid], exitCode, stopMs }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Longer than the drain's own limit, which is 25 s. */
const KILL_AFTER_MS = 30_000

async function end(server: ChildProcess): Promise<number | null> {
  const timer = setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS)
  server.kill('SIGTERM')
  const exitCode = await exitOf(server)
  clearTimeout(timer)
  return exitCode
}

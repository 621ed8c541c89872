import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import { createDatabase, exitOf, launch } from '../faults/server-process.ts'
import { FILES_FOLDER } from '../setup/files-folder.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'

const SERVER = fileURLToPath(new URL('./server.fixture.ts', import.meta.url))

const Started = z.object({ url: z.string() })

const Insides = z.object({
  /** Heap and external memory after garbage collection. */
  heapBytes: z.number(),
  /** Own keys of `Object.prototype`. */
  prototype: z.array(z.string()),
  inFlight: z.number(),
})

/** A server that can be asked what it looks like inside. */
export interface InspectedServer extends AsyncDisposable {
  readonly url: string
  readonly databaseUrl: string
  /** What it has logged as an error or worse, line by line. */
  readonly errors: readonly string[]
  inspect(): Promise<z.output<typeof Insides>>
  /** What became of it, when it has ended. */
  ended(): number | NodeJS.Signals | null
}

/** Starts the reference backend as in production, on a migrated database of its own. */
export async function startInspectedServer(): Promise<InspectedServer> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const migration = launch(['migrate', 'up'], { DATABASE_URL: directUrl })
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')

  const child = fork(SERVER, {
    execArgv: ['--conditions=@tautline/source', '--expose-gc'],
    env: {
      ...nodeEnvironment,
      NODE_ENV: 'production',
      PORT: '0',
      LOG_LEVEL: 'error',
      DATABASE_URL: directUrl,
      TAUTLINE_HOSTS: '*',
      TAUTLINE_SECRET: 'a secret that is only good for tests',
      TAUTLINE_DRAIN_QUIET_MS: '0',
      TAUTLINE_FILES: FILES_FOLDER,
      // A small machine that others use as well is no reason to refuse anybody here.
      TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
      TAUTLINE_HEADERS_TIMEOUT_MS: '3000',
      TAUTLINE_REQUEST_TIMEOUT_MS: '5000',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  stack.defer(() => stop(child))
  const errors: string[] = []
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => errors.push(line))
  const { url } = Started.parse(await nextMessage(child))
  const running = stack.move()
  return {
    url,
    databaseUrl: directUrl,
    errors,
    async inspect() {
      child.send('inspect')
      return Insides.parse(await nextMessage(child))
    },
    ended: () => child.exitCode ?? child.signalCode,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const end = () => ended.abort(new Error('The server has ended.'))
  child.once('exit', end)
  try {
    const messages: unknown[] = await once(child, 'message', { signal: ended.signal })
    return messages[0]
  } finally {
    child.off('exit', end)
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  child.kill('SIGTERM')
  await exitOf(child)
  clearTimeout(timer)
}

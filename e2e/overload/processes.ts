import { z } from 'zod'

import { createDatabase, exitOf, launch, openSession } from '../faults/server-process.ts'
import { nextMessage, startChild, stopChild } from '../login-flood/child.ts'
import { MAKE_TABLE } from './ledger-app.ts'
import { Outcome, type Load } from './load.ts'

const Started = z.object({ url: z.string() })
const Observed = z.object({
  rssBytes: z.number(),
  queued: z.int(),
  running: z.int(),
  cpuMs: z.number(),
})

/** Server and generator do not take time from one another. Postgres is where it likes to be. */
const CORES = { server: 1, generator: 0 }

/** A migrated database with the table in it. */
export async function createLedger() {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const migration = launch(['migrate', 'up'], { DATABASE_URL: directUrl })
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')
  await using session = await openSession(directUrl)
  await session.client.query(MAKE_TABLE)
  const made = stack.move()
  return { url: directUrl, [Symbol.asyncDispose]: () => made.disposeAsync() }
}

/** Starts the server on one core, and what sends to it on another one. */
export async function startLoadedServer(databaseUrl: string, settings: NodeJS.ProcessEnv = {}) {
  await using stack = new AsyncDisposableStack()
  const file = new URL('./server.fixture.ts', import.meta.url)
  const server = startChild(
    { file, core: CORES.server },
    { ...ENVIRONMENT, ...settings, DATABASE_URL: databaseUrl },
  )
  stack.defer(() => stopChild(server))
  const { url } = Started.parse(await nextMessage(server))
  const generator = startChild({
    file: new URL('./generator.fixture.ts', import.meta.url),
    core: CORES.generator,
    args: [url],
  })
  stack.defer(() => stopChild(generator))
  const running = stack.move()
  return {
    url,
    /** What became of a load. */
    async send(load: Load): Promise<Outcome> {
      generator.send(load)
      return Outcome.parse(await nextMessage(generator))
    },
    /** The worst since the last time, and the time of the core so far. */
    async observe() {
      server.send('look')
      return Observed.parse(await nextMessage(server))
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const ENVIRONMENT = {
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'info',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_SECRET: 'a secret that is only good for tests',
  TAUTLINE_DRAIN_QUIET_MS: '0',
  TAUTLINE_POOL_SIZE: '4',
  // The pool refuses nobody by itself: what is seen is what admission does.
  TAUTLINE_ACQUIRE_TIMEOUT_MS: '30000',
}

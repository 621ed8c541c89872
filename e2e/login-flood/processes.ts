import { z } from 'zod'

import { createDatabase, exitOf, launch } from '../faults/server-process.ts'
import { FILES_FOLDER } from '../setup/files-folder.ts'
import { nextMessage, startChild, stopChild } from './child.ts'

const Started = z.object({ url: z.string() })
const Observed = z.object({ mostWaiting: z.number() })
const Answers = z.record(z.string(), z.number())

/** The reference backend on one core. */
export interface ObservedServer extends AsyncDisposable {
  readonly url: string
  /** How many passwords have waited to be hashed at the same time, at the worst so far. */
  mostWaiting(): Promise<number>
}

/** Starts it as in production, behind a proxy on this machine, on a migrated database of its own. */
export async function startObservedServer(): Promise<ObservedServer> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const migration = launch(['migrate', 'up'], { DATABASE_URL: directUrl })
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')

  // The one core that hashes is the one that answers.
  const server = startChild(
    { file: new URL('./observed-server.fixture.ts', import.meta.url), core: 0 },
    {
      NODE_ENV: 'production',
      PORT: '0',
      LOG_LEVEL: 'info',
      DATABASE_URL: directUrl,
      TAUTLINE_HOSTS: '*',
      TAUTLINE_SECRET: 'a secret that is only good for tests',
      TAUTLINE_TRUSTED_PROXIES: '127.0.0.1',
      TAUTLINE_DRAIN_QUIET_MS: '0',
      TAUTLINE_FILES: FILES_FOLDER,
      // A small machine that others use as well is no reason to refuse anybody here.
      TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
    },
  )
  stack.defer(() => stopChild(server))
  const { url } = Started.parse(await nextMessage(server))
  const running = stack.move()
  return {
    url,
    async mostWaiting() {
      server.send('look')
      return Observed.parse(await nextMessage(server)).mostWaiting
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** A flood from a process of its own. `answers` and `stop` give how many got each answer. */
export function startFlood(url: string, perSecond: number) {
  const file = new URL('./flood.fixture.ts', import.meta.url)
  const flood = startChild({ file, args: [url, String(perSecond)] })
  async function ask(question: 'count' | 'stop'): Promise<Readonly<Record<string, number>>> {
    flood.send(question)
    return Answers.parse(await nextMessage(flood))
  }
  return {
    answers: () => ask('count'),
    stop: () => ask('stop'),
    [Symbol.asyncDispose]: () => stopChild(flood),
  }
}

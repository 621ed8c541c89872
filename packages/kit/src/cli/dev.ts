import { join } from 'node:path'

import { banner, seconds } from './banner.ts'
import { DATA_FOLDER, provideDatabase, provideSecret } from './dev-database.ts'
import { findFreePort, FIRST_PORT } from './free-port.ts'
import { ServerRunner, type RunnerEvents } from './server-runner.ts'
import { listenForStop } from './stop-signals.ts'

/**
 * The supervisor of development: owns Postgres, runs the server as a child, and runs it again when
 * one of its files changes. Ctrl-C ends the server first and Postgres last, at any moment.
 */
export async function runDev(appPath: string): Promise<void> {
  const startedAt = performance.now()
  // A terminal that was closed takes no more lines; Postgres is to be stopped all the same.
  process.stdout.on('error', () => {})
  const stop = listenForStop()
  try {
    await using database = await provideDatabase()
    const server = new ServerRunner(
      {
        appPath,
        port: await choosePort(),
        environment: { ...(await developmentDefaults()), ...process.env, ...database.environment },
      },
      report(database.where, startedAt),
    )
    stop.onImpatience(() => server.kill())
    server.start()
    await Promise.race([stop.requested, server.givenUp])
    if (stop.isRequested()) say('Stopping.')
    else process.exitCode = 1
    await server.stop()
  } catch (error) {
    // Ctrl-C reaches an initdb that is under way too, and its failure is then no news.
    if (!stop.isRequested()) throw error
  }
}

/** What the supervisor says about its server. */
function report(where: string, startedAt: number): RunnerEvents {
  let shown: string | undefined
  return {
    ready({ url, hints }, tookMs) {
      if (url === shown) return say(`Restarted in ${seconds(tookMs)}.`)
      shown = url
      say(...banner({ url, where, hints, tookMs: performance.now() - startedAt }))
    },
    failed: () => say('The server could not start. It tries again after the next edit.'),
    died: () => say('The server has ended. It starts again after the next edit.'),
    killed: () => say('The server did not end in time and was killed.'),
  }
}

/** The port that was asked for, or else the first free one, which may move when it gets taken. */
async function choosePort(): Promise<{ number: number; mayMove: boolean }> {
  const { PORT: wanted, HOST: host } = process.env
  const first = wanted === undefined ? FIRST_PORT : Number(wanted)
  const mayMove = wanted === undefined || first === 0
  return { number: mayMove ? await findFreePort(first, host) : first, mayMove }
}

/** Settings of development that the environment may overrule. */
async function developmentDefaults(): Promise<Record<string, string>> {
  return {
    ...(process.env.TAUTLINE_SECRET_FILE === undefined && {
      TAUTLINE_SECRET: await provideSecret(),
    }),
    // Nothing in front of it sends requests late, and an edit must not wait for an open stream.
    TAUTLINE_DRAIN_QUIET_MS: '0',
    TAUTLINE_DRAIN_TIMEOUT_MS: '5000',
    // To compile what has not been edited is a third of a restart.
    NODE_COMPILE_CACHE: join(process.cwd(), DATA_FOLDER, 'compiled'),
  }
}

function say(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

import { fork, type ChildProcess } from 'node:child_process'

import { provideDatabase, provideSecret } from './dev-database.ts'
import type { DevMessage } from './dev-server.ts'
import { findFreePort } from './free-port.ts'
import { watchFiles } from './watch-files.ts'

const FIRST_PORT = 3000

/**
 * The supervisor of development: owns Postgres, runs the server as a child, and runs it again when
 * one of its files changes. The child is in a session of its own, so that Ctrl-C reaches only this
 * process, which stops the server first and Postgres last.
 */
export async function runDev(appPath: string): Promise<void> {
  const startedAt = performance.now()
  await using database = await provideDatabase()
  const environment = {
    ...process.env,
    ...database.environment,
    PORT: process.env.PORT ?? String(await findFreePort(FIRST_PORT)),
    TAUTLINE_SECRET: process.env.TAUTLINE_SECRET ?? (await provideSecret()),
    TAUTLINE_DRAIN_QUIET_MS: '0',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
  }
  const server = createServerRunner(appPath, environment, {
    ready({ url, hints }, restarted, sinceMs) {
      if (restarted) return say([`restarted in ${seconds(sinceMs)}`])
      const startup = seconds(performance.now() - startedAt)
      say([
        '',
        ...banner(url, database.where),
        ...hints,
        '',
        `Ready in ${startup}. Ctrl-C stops it.`,
      ])
    },
    failed: () => say(['The server could not start; waiting for an edit.']),
  })
  await server.start()
  await stopRequested(() => server.kill())
  say(['stopping'])
  await server.stop()
}

function banner(url: string, where: string): string[] {
  return [
    'Tautline is running.',
    '',
    `  this backend  ${url}/`,
    `  procedures    ${url}/rpc/<noun>.<verb>`,
    `  readiness     ${url}/readyz`,
    `  Postgres      ${where}`,
    '',
  ]
}

interface RunnerEvents {
  ready(message: Extract<DevMessage, { type: 'ready' }>, restarted: boolean, sinceMs: number): void
  failed(): void
}

/** Keeps one child running the newest version of the files. */
function createServerRunner(appPath: string, environment: NodeJS.ProcessEnv, events: RunnerEvents) {
  let child: ChildProcess | undefined
  let starts = 0
  let stopping = false
  const watcher = watchFiles(() => void restart())

  function start(): Promise<void> {
    const startedAt = performance.now()
    const restarted = starts++ > 0
    const [, cli = ''] = process.argv // the file this process was started with
    const spawned = fork(cli, ['dev-server', '--app', appPath], {
      env: environment,
      detached: true,
    })
    child = spawned
    return new Promise((resolve) => {
      spawned.on('message', (message: DevMessage) => {
        if (message.type === 'loaded') watcher.watch(message.files)
        else {
          events.ready(message, restarted, performance.now() - startedAt)
          resolve()
        }
      })
      spawned.once('exit', (code) => {
        if (child === spawned) child = undefined
        if (code !== 0 && !stopping) events.failed()
        resolve()
      })
    })
  }

  async function end(): Promise<void> {
    const running = child
    if (!running) return
    const exited = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGTERM')
    await exited
  }

  let restarting: Promise<void> | undefined
  let again = false
  async function restart(): Promise<void> {
    again = true
    restarting ??= (async () => {
      while (again && !stopping) {
        again = false
        await end()
        if (!stopping) await start()
      }
      restarting = undefined
    })()
    return restarting
  }

  return {
    start,
    kill: () => child?.kill('SIGKILL'),
    async stop() {
      stopping = true
      watcher.close()
      await end()
    },
  }
}

/** Resolves at the first stop signal; a second one is for who cannot wait. */
function stopRequested(impatient: () => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) impatient()
        asked = true
        resolve()
      })
    }
  })
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function say(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

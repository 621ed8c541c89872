import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { createDatabase, exitOf, listening } from '../faults/server-process.ts'
import { ENVIRONMENT, migrate, startCommand } from '../idempotency/source-process.ts'
import type { Strike } from './takeover.ts'

const CHAOS = new URL('./chaos-app.ts', import.meta.url)

/** A line that a process has logged. */
export type LogLine = Readonly<Record<string, unknown>>

/** A process that runs tasks, one after the other: a killed one has a successor. */
export interface Worker {
  readonly pid: number
  /** Whether it takes tasks now: not while it starts, or stands still. */
  readonly isWorking: boolean
  /** Ends it by `kill -9`, and starts the next. Resolves at once. */
  kill(): Strike
  /** Stops it, until it is told to go on. */
  stop(): { readonly strike: Strike; readonly goOn: () => void }
  /** Stops it, and lets it go on after so many milliseconds. */
  stopFor(ms: number): Strike
}

/** A backend that takes wishes, and workers that others may strike. */
export interface World extends AsyncDisposable {
  readonly url: string
  readonly databaseUrl: string
  readonly workers: readonly Worker[]
  /** All that any of its processes has logged. */
  readonly logs: readonly LogLine[]
}

/** Starts all of it on a database of its own, with the backend that a file exports. */
export async function startWorld(workers: number, app = CHAOS): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const folder = await mkdtemp(join(tmpdir(), 'tautline-tasks-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const environment = {
    ...ENVIRONMENT,
    LOG_LEVEL: 'info',
    DATABASE_URL: directUrl,
    TAUTLINE_FILES: join(folder, 'files'),
    TAUTLINE_DRAIN_TIMEOUT_MS: '1000',
  }
  await migrate(app, environment)
  const logs: Record<string, unknown>[] = []
  const server = startCommand(['start'], app, { ...environment, TAUTLINE_WORKER: 'off' })
  stack.defer(() => end(server))
  const url = await listening(server, logs)
  const lines = Array.from({ length: workers }, () => startLine(app, environment, logs))
  for (const line of lines) stack.use(line)
  await Promise.all(lines.map(({ ready }) => ready))
  const running = stack.move()
  return {
    url,
    databaseUrl: directUrl,
    workers: lines,
    logs,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Runs tasks, in one process after the other. */
function startLine(app: URL, environment: NodeJS.ProcessEnv, logs: Record<string, unknown>[]) {
  let isOver = false
  let isStopped = false
  let hasStarted = false
  const ready = Promise.withResolvers<void>()
  let worker = live()

  function live(): ChildProcess {
    const started = startCommand(['worker'], app, environment)
    if (started.stdout) {
      createInterface({ input: started.stdout }).on('line', (text) => {
        // oxlint-disable-next-line typescript/consistent-type-assertions -- the log is JSON objects
        const line = JSON.parse(text) as Record<string, unknown>
        logs.push(line)
        if (line.msg !== 'working') return
        hasStarted = true
        ready.resolve()
      })
    }
    started.once('exit', () => {
      hasStarted = isStopped = false
      if (!isOver) worker = live()
    })
    return started
  }

  const strike = (how: Strike['how']): Strike => ({ how, pid: worker.pid ?? 0, at: Date.now() })

  function stop() {
    const stopped = worker
    stopped.kill('SIGSTOP')
    isStopped = true
    function goOn() {
      stopped.kill('SIGCONT')
      isStopped = false
    }
    return { strike: strike('stop'), goOn }
  }

  return {
    ready: ready.promise,
    get pid() {
      return worker.pid ?? 0
    },
    get isWorking() {
      return hasStarted && !isStopped
    },
    kill() {
      hasStarted = false
      worker.kill('SIGKILL')
      return strike('kill -9')
    },
    stop,
    stopFor(ms: number) {
      const { strike: stopped, goOn } = stop()
      setTimeout(goOn, ms)
      return stopped
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await end(worker)
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await exitOf(child)
}

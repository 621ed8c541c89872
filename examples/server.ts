import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A server that is used, and stopped at the end if it was started here. */
export interface DemoServer extends AsyncDisposable {
  readonly url: string
  /** What runs its tasks, where that is a process of its own. */
  readonly worker?: DemoWorker
}

/** A process that runs tasks, which was started here. */
export interface DemoWorker {
  readonly pid: number | undefined
  /** Ends it by `kill -9`. */
  kill(): Promise<void>
  /** Starts another one. */
  start(): void
}

export interface DemoServerOptions {
  /** Whether a process of its own runs the tasks; only one that is started here has that. */
  readonly withWorker: boolean
}

/** The server that runs at `url`, or else one that is started as `pnpm dev` does. */
export async function findOrStartServer(
  url: string,
  { withWorker }: DemoServerOptions,
): Promise<DemoServer> {
  if (await isOurs(url)) {
    if (withWorker) return refuse(url)
    console.log(`Using the server that runs at ${url}.`)
    return { url, async [Symbol.asyncDispose]() {} }
  }
  console.log(`No server runs at ${url}, starting one …`)
  if (!withWorker) return startServer({})

  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startServer({ TAUTLINE_WORKER: 'off' }))
  const worker = stack.use(startWorker(server.databaseUrl))
  const running = stack.move()
  return { url: server.url, worker, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** It runs its tasks itself, and is not ours to kill. */
function refuse(url: string): never {
  console.error(
    `A server runs at ${url}. The demo kills only what it has started: stop that first.`,
  )
  process.exit(1)
}

/** Every backend says at `/` what it is. */
async function isOurs(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return (await answer.text()).includes('tautline-reference')
  } catch {
    return false
  }
}

type Child = ChildProcessByStdio<null, Readable, null>

/** The command line of the library, for the reference backend. */
function start(command: string, environment: Readonly<Record<string, string>>): Child {
  const cli = ['packages/kit/src/cli/main.ts', command, '--app', 'packages/server/src/app.ts']
  return spawn(process.execPath, ['--conditions=@tautline/source', ...cli], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function end(child: Child, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

async function startServer(environment: Readonly<Record<string, string>>) {
  const dev = start('dev', environment)
  const told = { url: '', databaseUrl: process.env.DATABASE_URL ?? '' }
  for await (const line of createInterface({ input: dev.stdout })) {
    told.url ||= /this backend +(\S+)\//.exec(line)?.[1] ?? ''
    told.databaseUrl ||= /Postgres +(postgres\S+)/.exec(line)?.[1] ?? ''
    if (line.startsWith('Ready') || line.startsWith('The server could not start')) break
  }
  dev.stdout.resume() // unread, its output would fill the pipe and stop it
  if (told.url === '') {
    await end(dev, 'SIGTERM')
    throw new Error('The server could not start.')
  }
  console.log(`It runs at ${told.url} for as long as this demo.`)
  return {
    ...told,
    async [Symbol.asyncDispose]() {
      await end(dev, 'SIGTERM')
      console.log('The server has stopped. `pnpm dev` starts one that stays.')
    },
  }
}

function startWorker(databaseUrl: string): DemoWorker & AsyncDisposable {
  const live = () => {
    const worker = start('worker', databaseUrl === '' ? {} : { DATABASE_URL: databaseUrl })
    worker.stdout.resume()
    return worker
  }
  let worker = live()
  return {
    get pid() {
      return worker.pid
    },
    kill: () => end(worker, 'SIGKILL'),
    start() {
      worker = live()
    },
    [Symbol.asyncDispose]: () => end(worker, 'SIGTERM'),
  }
}

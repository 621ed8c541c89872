import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

import type { DevMessage } from './dev-server.ts'
import { findFreePort } from './free-port.ts'
import { watchFiles } from './watch-files.ts'

/** The server lets its calls finish in less; after this it hangs. In milliseconds. */
const END_WITHIN_MS = 10_000

export interface RunnerOptions {
  readonly appPath: string
  readonly environment: NodeJS.ProcessEnv
  /** Where to listen. One that may move does so when somebody else was faster. */
  readonly port: { readonly number: number; readonly mayMove: boolean }
}

/** What becomes of the server. */
export interface RunnerEvents {
  ready(message: Extract<DevMessage, { type: 'ready' }>, tookMs: number): void
  /** It ended before it was ready. */
  failed(): void
  /** It was ready and ended untold. */
  died(): void
  killed(): void
}

/** Keeps one child running the newest version of the files. */
export class ServerRunner {
  /** Resolves when the server ended and no edit can help, because none of its files was read. */
  readonly givenUp: Promise<void>

  readonly #options: RunnerOptions
  readonly #events: RunnerEvents
  readonly #end = Promise.withResolvers<void>()
  readonly #watcher = watchFiles(() => this.#restart())
  #port: number
  #child: ChildProcess | undefined
  #ending = false
  #stopping = false
  #restartIsDue = false
  #turn = Promise.resolve()

  constructor(options: RunnerOptions, events: RunnerEvents) {
    this.#options = options
    this.#events = events
    this.#port = options.port.number
    this.givenUp = this.#end.promise
  }

  start(): void {
    if (this.#stopping) return
    const startedAt = performance.now()
    let state: Exclude<DevMessage['type'], 'loaded'> | 'starting' = 'starting'
    this.#child = spawnServer(this.#options, this.#port)
    this.#child.on('message', (message: DevMessage) => {
      if (message.type === 'loaded') return this.#watcher.watch(message.files)
      state = message.type
      if (message.type === 'ready') this.#events.ready(message, performance.now() - startedAt)
    })
    this.#child.once('exit', () => {
      this.#child = undefined
      if (this.#ending) return
      if (state === 'port-taken' && this.#options.port.mayMove) this.#inTurn(() => this.#moveOn())
      else if (state === 'ready') this.#events.died()
      else if (this.#watcher.watches()) this.#events.failed()
      else this.#end.resolve()
    })
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Ends the child and starts no other. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#watcher.close()
    await this.#turn
    await this.#endChild()
  }

  #restart(): void {
    if (this.#restartIsDue) return
    this.#restartIsDue = true
    this.#inTurn(async () => {
      this.#restartIsDue = false
      await this.#endChild()
      this.start()
    })
  }

  async #moveOn(): Promise<void> {
    this.#port = await findFreePort(this.#port, this.#options.environment.HOST)
    this.start()
  }

  async #endChild(): Promise<void> {
    if (!this.#child) return
    this.#ending = true
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => {
      this.kill()
      this.#events.killed()
    }, END_WITHIN_MS)
    await exited
    clearTimeout(timer)
    this.#ending = false
  }

  /** One step after the other, because each leaves another child behind. */
  #inTurn(step: () => Promise<void>): void {
    this.#turn = this.#turn
      .then(() => (this.#stopping ? undefined : step()))
      .catch(this.#end.reject)
  }
}

/** In a session of its own, so that Ctrl-C reaches only the supervisor. */
function spawnServer({ appPath, environment }: RunnerOptions, port: number): ChildProcess {
  const [, cli = ''] = process.argv // the file this process was started with
  return fork(cli, ['dev-server', '--app', appPath], {
    env: { ...environment, PORT: String(port) },
    detached: true,
  })
}

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { exitOf } from '../faults/server-process.ts'
import { ENVIRONMENT, migrate, startSource } from '../idempotency/source-process.ts'
import { freePort } from '../rolling-restart/ports.ts'

/** A server that ends and comes back, at one port. */
export interface MortalServer extends AsyncDisposable {
  readonly port: number
  /** When it came back the last time before a moment, by `performance.now()`. */
  backBefore(at: number): number
  /** Resolves when its successor is loaded: a restart begins at once then. */
  prepared(): Promise<unknown>
  /** Ends it so, and starts it anew after a while. Resolves when it listens. */
  restart(signal: 'SIGKILL' | 'SIGTERM', awayMs: number): Promise<Stop>
}

/** How it has ended, and how long that took, in milliseconds. */
export interface Stop {
  readonly code: number | null
  readonly tookMs: number
}

const SERVER = fileURLToPath(new URL('./server.fixture.ts', import.meta.url))
const APP = new URL('./watched-app.ts', import.meta.url)

/**
 * Starts one on a database, which it migrates first. Its successor is loaded `settleMs` after each start,
 * in milliseconds: that takes a second of a core, which those who come back need.
 */
export async function startMortalServer(databaseUrl: string, settleMs = 0): Promise<MortalServer> {
  await using stack = new AsyncDisposableStack()
  const environment = {
    ...ENVIRONMENT,
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'fatal',
    TAUTLINE_WORKER: 'off',
  }
  await migrate(APP, environment)
  const port = await freePort()
  const backAt: number[] = []
  let serving = await load(environment)
  let next = load(environment)
  stack.defer(async () => {
    for (const child of [serving, await next]) await kill(child)
  })

  async function serve(): Promise<void> {
    serving.send(port)
    await message(serving, 'listening')
    backAt.push(performance.now())
  }

  await serve()
  const running = stack.move()
  return {
    port,
    backBefore: (at) => backAt.findLast((back) => back <= at) ?? -Infinity,
    prepared: () => next,
    async restart(signal, awayMs) {
      const successor = await next
      const stoppingAt = performance.now()
      serving.kill(signal)
      const code = await exitOf(serving)
      const tookMs = performance.now() - stoppingAt
      await later(awayMs)
      serving = successor
      next = later(settleMs).then(() => load(environment))
      await serve()
      return { code, tookMs }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function load(environment: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const server = startSource({ words: [SERVER], environment, by: 'ipc' })
  await message(server, 'loaded')
  return server
}

async function message(server: ChildProcess, expected: string): Promise<void> {
  const ended = once(server, 'exit').then(() => ['ended'])
  const [first] = await Promise.race([once(server, 'message'), ended])
  if (first !== expected) throw new Error(`The server is not ${expected}: ${String(first)}.`)
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await exitOf(child)
}

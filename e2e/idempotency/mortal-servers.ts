import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { createDatabase, exitOf } from '../faults/server-process.ts'
import { freePort } from '../rolling-restart/ports.ts'
import { ENVIRONMENT, migrate, startSource } from './source-process.ts'

/** Where a keyed call can be when its server ends. */
export const POINTS = [
  'before-claim',
  'after-claim',
  'after-work',
  'before-store',
  'after-store',
  'before-commit',
  'after-commit',
  'before-response',
] as const

export type Point = (typeof POINTS)[number]

/** Ends a server when calls have come to the point for so many times. */
export interface Fate {
  readonly point: Point
  readonly times: number
}

/** What a server is told: where to serve, and how it ends, if it does. */
export interface Order {
  readonly port: number
  readonly fate: Fate | null
}

/** Two servers on one database, each of which ends and is started anew, again and again. */
export interface MortalServers extends AsyncDisposable {
  /** Where they are, before and after every restart. */
  readonly urls: readonly string[]
  readonly databaseUrl: string
  /** How many have ended at each point. */
  readonly kills: Readonly<Record<Point, number>>
  /** How those have ended that were not killed at their point: there should be none. */
  readonly otherEnds: readonly string[]
  /** From now on they stay. */
  calmDown(): void
}

/** `mostTimes`: how often a server comes to its point at most before it ends there. */
export async function startMortalServers(mostTimes: number): Promise<MortalServers> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const environment = { ...ENVIRONMENT, DATABASE_URL: directUrl }
  await migrate(new URL('./effects-app.fixture.ts', import.meta.url), environment)

  const kills = Object.fromEntries(POINTS.map((point) => [point, 0]))
  const otherEnds: string[] = []
  let lives = 0
  let isCalm = mostTimes === 0
  const nextFate = (): Fate | null => {
    const point = POINTS[lives++ % POINTS.length]
    const times = 1 + Math.floor(Math.random() * mostTimes)
    return isCalm || point === undefined ? null : { point, times }
  }
  const onEnd = (how: string, fate: Fate | null) => {
    if (how === 'SIGKILL' && fate) kills[fate.point] = (kills[fate.point] ?? 0) + 1
    else otherEnds.push(how)
  }
  const ports = [await freePort(), await freePort()]
  const lines = ports.map((port) => startLine(port, { environment, nextFate, onEnd }))
  for (const line of lines) stack.use(line)
  const running = stack.move()
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    databaseUrl: directUrl,
    // oxlint-disable-next-line typescript/consistent-type-assertions -- Object.fromEntries forgets keys
    kills: kills as Record<Point, number>,
    otherEnds,
    calmDown() {
      isCalm = true
      for (const line of lines) line.calmDown()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface LineOptions {
  readonly environment: NodeJS.ProcessEnv
  readonly nextFate: () => Fate | null
  readonly onEnd: (how: string, fate: Fate | null) => void
}

const SERVER = fileURLToPath(new URL('./mortal-server.fixture.ts', import.meta.url))

/** Serves at a port, one process after the other. Where one is to end, the next is loaded already. */
function startLine(port: number, { environment, nextFate, onEnd }: LineOptions) {
  let next: Promise<ChildProcess> | undefined = load(environment)
  let serving: ChildProcess | undefined
  let isOver = false

  async function live(): Promise<void> {
    const server = await (next ?? load(environment))
    serving = server
    if (isOver) return
    const fate = nextFate()
    next = fate ? load(environment) : undefined
    server.once('exit', (code, signal) => {
      if (isOver) return
      onEnd(String(signal ?? code), fate)
      lives = live()
    })
    order(server, { port, fate })
  }

  let lives = live()
  return {
    calmDown() {
      if (serving?.connected) order(serving, { port, fate: null })
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await lives
      for (const server of [serving, await next]) if (server) await kill(server)
    },
  }
}

function order(server: ChildProcess, what: Order): void {
  server.send(what, () => {}) // one that has just ended need not hear it
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await exitOf(child)
}

async function load(environment: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const server = startSource({ words: [SERVER], environment, by: 'ipc' })
  const ended = once(server, 'exit').then(() => 'ended')
  const [first] = await Promise.race([once(server, 'message'), ended])
  if (first !== 'loaded') throw new Error('The server ended before it was loaded.')
  return server
}

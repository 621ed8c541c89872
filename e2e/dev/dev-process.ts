import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import type { Checkout } from './checkout.ts'
import { familyOf, isRunning, killAtOnce, findPostmaster } from './processes.ts'
import { until } from './wait.ts'

/** What the banner says. */
export interface Banner {
  readonly url: string
  /** The line to try, as printed. */
  readonly curl: string
  readonly databaseUrl: string
  readonly dataDir: string
}

/** `pnpm dev` as somebody at a terminal has started it. */
export interface DevProcess extends Banner {
  /** All that it has printed so far. */
  output(): string
  /** Resolves once it has printed this `times` times. */
  printed(text: string, times?: number): Promise<void>
  /** Like the key: the signal goes to everything in the foreground. Resolves when all has ended. */
  pressCtrlC(): Promise<void>
  /** The processes behind it: pnpm and its like, the supervisor, the server, Postgres. */
  roles(): Promise<{ all: number[]; supervisor: number; server: number; postmaster: number }>
}

/** Tests of other files run beside this one, and the default port is one for all of them. */
export const ANY_PORT: NodeJS.ProcessEnv = { PORT: '0' }

/** Starts `npx pnpm@12 dev`, with more variables in its environment. */
export function launchDev(checkout: Checkout, more: NodeJS.ProcessEnv = ANY_PORT) {
  const child = spawnDev(checkout, more)
  checkout.onDispose(() => killFamily(child.exitCode === null ? child.pid : undefined))
  return { child, output: collectOutput(child), pressCtrlC: () => pressCtrlC(child) }
}

/** The same, and waits until it is ready. */
export async function startDev(
  checkout: Checkout,
  more: NodeJS.ProcessEnv = ANY_PORT,
): Promise<DevProcess> {
  const { child, output, ...launched } = launchDev(checkout, more)
  const banner = await until('the banner', () => {
    if (child.exitCode !== null) throw new Error(`dev has ended:\n${output()}`)
    return output().includes('Ready in') && readBanner(output())
  }).catch((cause: unknown) => {
    throw new Error(`dev did not get ready; it printed:\n${output()}`, { cause })
  })
  const { dataDir } = banner
  // The cluster of root lies outside its checkout.
  if (!dataDir.startsWith(checkout.folder)) {
    checkout.onDispose(() => rm(dirname(dataDir), { recursive: true, force: true }))
  }
  checkout.onDispose(async () => killFamily(await findPostmaster(dataDir)))
  return {
    ...banner,
    output,
    async printed(text, times = 1) {
      await until(`"${text}" in the output`, () => output().split(text).length > times).catch(
        (cause: unknown) => {
          throw new Error(`dev printed:\n${output()}`, { cause })
        },
      )
    },
    ...launched,
    async roles() {
      const family = await familyOf(child.pid)
      const server = family.find(({ command }) => command.includes(' dev-server '))
      if (!server) throw new Error(`There is no server:\n${output()}`)
      const all = family.map(({ pid }) => pid)
      const postmaster = await findPostmaster(dataDir)
      if (postmaster === undefined) throw new Error('There is no Postgres.')
      return { all, supervisor: server.parent, server: server.pid, postmaster }
    },
  }
}

/** In a process group of its own, as a shell starts a command. */
function spawnDev({ folder, environment, user }: Checkout, more: NodeJS.ProcessEnv): ChildProcess {
  return spawn('npx', ['--yes', 'pnpm@12', 'dev'], {
    ...user,
    cwd: folder,
    env: { ...environment, ...more },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function collectOutput(child: ChildProcess): () => string {
  const chunks: string[] = []
  const collect = (chunk: string) => chunks.push(chunk)
  child.stdout?.setEncoding('utf8').on('data', collect)
  child.stderr?.setEncoding('utf8').on('data', collect)
  return () => chunks.join('')
}

function readBanner(output: string): Banner {
  const find = (pattern: RegExp) => {
    const found = pattern.exec(output)?.[1]
    if (found === undefined) throw new Error(`The banner lacks ${pattern}:\n${output}`)
    return found
  }
  return {
    url: find(/this backend +(http:\/\/[\w.:]+)\//),
    curl: find(/^ +(curl .*)$/m),
    databaseUrl: find(/Postgres +(postgres:\/\/\S+)/),
    dataDir: find(/\(files in (.+)\)/),
  }
}

async function pressCtrlC(child: ChildProcess): Promise<void> {
  const family = await familyOf(child.pid)
  const exited = child.exitCode ?? child.signalCode ?? once(child, 'exit')
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await exited
  const commands = family.filter(({ command }) => !command.includes('postgres'))
  await until('the end of everything that dev has started', async () => {
    const running = await Promise.all(commands.map(({ pid }) => isRunning(pid)))
    return !running.includes(true)
  })
}

/** For a test that has failed half-way: nothing of it may stay behind. */
async function killFamily(pid: number | undefined): Promise<void> {
  killAtOnce((await familyOf(pid)).map((member) => member.pid))
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { familyOf, findPostmaster, killAtOnce } from '../dev/processes.ts'
import { until } from '../dev/wait.ts'

/** In milliseconds. */
const END_WITHIN_MS = 30_000

/** `npx tautline dev` as somebody at a terminal has started it. */
export interface OutsideDev extends AsyncDisposable {
  readonly url: string
  /** What the key does: resolves when everything in the foreground has ended. */
  pressCtrlC(): Promise<void>
}

/** Starts it in the folder of a project and waits until it is ready. */
export async function startOutsideDev(
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<OutsideDev> {
  // In a process group of its own, as a shell starts a command.
  const child = spawn('npx', ['tautline', 'dev'], {
    cwd: folder,
    env: { ...environment, PORT: '0' }, // tests beside this one use the default
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => stop(child))
  const output = collectOutput(child)
  await until('the banner of tautline dev', () => {
    const ended = child.exitCode !== null || output().includes('could not start')
    if (ended) throw new Error('dev has failed')
    return output().includes('Ready in')
  }).catch((cause: unknown) => {
    throw new Error(`dev printed:\n${output()}`, { cause })
  })
  const dataDir = find(/\(files in (.+)\)/, output())
  stack.defer(() => removeCluster(dataDir))
  const running = stack.move()
  return {
    url: find(/this backend +(http:\/\/[\w.:]+)\//, output()),
    async pressCtrlC() {
      await stop(child)
      await until('the end of Postgres', async () => (await findPostmaster(dataDir)) === undefined)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function collectOutput({ stdout, stderr }: ChildProcess): () => string {
  let text = ''
  const collect = (chunk: string) => (text += chunk)
  for (const stream of [stdout, stderr]) stream?.setEncoding('utf8').on('data', collect)
  return () => text
}

function find(pattern: RegExp, text: string): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`The banner lacks ${pattern}:\n${text}`)
  return found
}

/** The cluster of root lies outside the project, and a test that fails must leave nothing. */
async function removeCluster(dataDir: string): Promise<void> {
  const postmaster = await findPostmaster(dataDir)
  if (postmaster !== undefined) killAtOnce([postmaster])
  await rm(dirname(dataDir), { recursive: true, force: true, maxRetries: 5 })
}

/** Like the key: the signal goes to everything in the foreground. What hangs is killed. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const family = await familyOf(child.pid)
  const exited = once(child, 'exit')
  const timer = setTimeout(() => killAtOnce(family.map(({ pid }) => pid)), END_WITHIN_MS)
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await exited
  clearTimeout(timer)
}

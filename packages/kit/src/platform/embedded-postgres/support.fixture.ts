import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Client } from 'pg'
import { onTestFinished, vi } from 'vitest'

import { acquireEmbeddedPostgres } from './embedded-postgres.ts'
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded-postgres.ts'
import { pidFileOf, stopServer } from './postmaster.ts'
import { lifeOf } from './process-life.ts'

// initdb waits for the disk, and several test files wait for it at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

export const isRoot = process.getuid?.() === 0

/** An empty folder every user can enter, by its real path. Remove it with `removeFolder`. */
export async function makeFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tautline-test-')))
  await chmod(folder, 0o755)
  return folder
}

/** Removes a folder, and first stops the servers a failed test left behind in its clusters. */
export async function removeFolder(folder: string, ...clusters: string[]): Promise<void> {
  await Promise.all(clusters.map((name) => stopServer(join(folder, name, 'data'))))
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** A hold that ends with the test at the latest. */
export async function hold(
  dir: string,
  more: Omit<EmbeddedPostgresOptions, 'dir'> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await acquireEmbeddedPostgres({ dir, ...more })
  onTestFinished(() => postgres.release())
  return postgres
}

/** Another process that holds a cluster, as the leader of a process group of its own. */
export interface OtherHolder {
  url: string
  dataDir: string
  reused: boolean
  /** Sends a signal to its whole group and waits until it has ended. */
  signalGroup(signal: NodeJS.Signals): Promise<void>
  release(): Promise<void>
}

/** Starts a process that holds the cluster, until `release` or the end of the test. */
export async function holdElsewhere(dir: string): Promise<OtherHolder> {
  const child = startHolder(dir)
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`The other process ended with code ${code}`)
  })
  const [line] = await Promise.race([once(child.stdout ?? child, 'data'), failed])
  // From here on it ends when a test wants it to.
  failed.catch(() => {})
  return {
    ...JSON.parse(String(line)),
    signalGroup: (signal) => endGroup(child, signal),
    release: () => endInput(child),
  }
}

/** Starts the same process without waiting for its hold. */
export function startHolder(dir: string): ChildProcess {
  const script = join(import.meta.dirname, 'hold.fixture.ts')
  const child = spawn(process.execPath, [script, dir], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => endInput(child))
  return child
}

/** Sends a signal to the process and all it started, and waits until it has ended. */
export async function endGroup(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit')
  process.kill(-(child.pid ?? 0), signal)
  await exit
}

async function endInput(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.stdin?.end()
  await exit
}

/** A connection whose death does not end the test run. */
export async function connect(url: string): Promise<Client> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  return client
}

/** One query on a connection of its own. */
export async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = await connect(url)
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

/** The lines of the server's own pid file: pid first, port fourth. */
export async function pidLines(dataDir: string): Promise<string[]> {
  return (await readFile(pidFileOf(dataDir), 'utf8')).split('\n')
}

/** The process of the server that runs from this folder, as a life to ask `isAlive` for. */
export async function serverLife(dataDir: string): Promise<string> {
  const life = await lifeOf(Number((await pidLines(dataDir))[0]))
  if (life === undefined) throw new Error(`No server runs from ${dataDir}`)
  return life
}

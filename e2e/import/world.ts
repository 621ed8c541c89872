import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { createClient, type Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import {
  createDatabase,
  exitOf,
  launch,
  openSession,
  startServer,
} from '../faults/server-process.ts'

const run = promisify(execFile)

/** The reference backend: a server that runs no tasks, and a process that does, or its successor. */
export interface World extends AsyncDisposable {
  readonly client: Client<AppRouter>
  readonly databaseUrl: string
  readonly worker: Worker
}

/** The process that runs tasks. */
export interface Worker extends AsyncDisposable {
  /** The most memory that any of them took before its first task, in bytes. */
  readonly idleBytes: number
  /** The most memory that any of them took at all, in bytes. */
  readonly mostBytes: number
  /** Ends it by `kill -9`. */
  kill(): Promise<void>
  /** Starts its successor; resolves once that works. */
  succeed(): Promise<void>
}

export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const folder = await mkdtemp(join(tmpdir(), 'tautline-import-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const environment = {
    DATABASE_URL: directUrl,
    TAUTLINE_FILES: join(folder, 'files'),
    // A small machine that others use as well is no reason to refuse anybody here.
    TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
  }
  const server = stack.use(await startServer({ ...environment, TAUTLINE_WORKER: 'off' }))
  await dropSearch(directUrl)
  const worker = stack.use(await startWorker(environment))
  const client = await signUp(`${server.url}/rpc`)
  const running = stack.move()
  return {
    client,
    databaseUrl: directUrl,
    worker,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** What search needs would take most of the time, and plays no part here. */
async function dropSearch(databaseUrl: string): Promise<void> {
  await using session = await openSession(databaseUrl)
  await session.client.query('drop index item_owner_words, item_owner_name, item_owner_sku')
}

async function signUp(url: string): Promise<Client<AppRouter>> {
  const anna = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
  const { accessToken } = await createClient<AppRouter>({ url }).auth.register.mutate(anna)
  return createClient<AppRouter>({ url, auth: () => accessToken })
}

const LOOK_EVERY_MS = 100

async function startWorker(environment: NodeJS.ProcessEnv): Promise<Worker> {
  let [idleBytes, mostBytes] = [0, 0]
  let current = await live()
  const timer = setInterval(() => {
    look(current.pid).then(
      (bytes) => {
        mostBytes = Math.max(mostBytes, bytes)
      },
      () => {}, // it has just been killed
    )
  }, LOOK_EVERY_MS)

  async function live() {
    const worker = launch(['worker'], environment)
    await new Promise<void>((resolve, reject) => {
      worker.once('exit', () => reject(new Error('The worker ended before it worked.')))
      if (!worker.stdout) return
      createInterface({ input: worker.stdout }).on('line', (line) => {
        if (line.includes('"working"')) resolve()
      })
    })
    // At once: a task that waits is begun within a second.
    idleBytes = Math.max(idleBytes, await look(worker.pid))
    return worker
  }

  async function end(): Promise<void> {
    current.kill('SIGKILL')
    await exitOf(current)
  }

  return {
    get idleBytes() {
      return idleBytes
    },
    get mostBytes() {
      return mostBytes
    },
    kill: end,
    async succeed() {
      current = await live()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await end()
    },
  }
}

/** What a process has in memory, in bytes. */
async function look(pid: number | undefined): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) * 1_024
}

import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { createClient, type Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import {
  createDatabase,
  exitOf,
  launch,
  openSession,
  startServer,
} from '../faults/server-process.ts'
import { startSink, type Sink, type Witness } from './sink.ts'

/** The reference backend, a mail server, and a worker, or its successor. */
export interface World extends AsyncDisposable {
  readonly url: string
  /** Of an admin. */
  readonly client: Client<AppRouter>
  readonly sink: Sink
  /** What happens around its answers from now on. */
  watch(witness: Witness): void
  readonly worker: Worker
  /** What an admin's request shows. */
  readonly headers: Readonly<Record<'authorization', string>>
}

/** The process that runs tasks; when it ends the next one begins. */
export interface Worker {
  /** `kill -9`, at once. */
  kill(): void
  /** Tells it to stop; resolves when it has ended. */
  stop(): Promise<void>
}

/** How long a worker lets tasks finish that was told to stop, in milliseconds. */
const DRAIN_MS = 200

export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  let witness: Witness = { taken() {}, answered() {} }
  const sink = stack.use(
    await startSink({
      taken: (mail) => witness.taken(mail),
      answered: (mail) => witness.answered(mail),
    }),
  )
  const folder = await mkdtemp(join(tmpdir(), 'tautline-mail-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const environment = {
    DATABASE_URL: directUrl,
    SMTP_URL: sink.url,
    MAIL_FROM: 'desk@shop.example',
    TAUTLINE_FILES: join(folder, 'files'),
    TAUTLINE_DRAIN_TIMEOUT_MS: String(DRAIN_MS),
    TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
  }
  const server = stack.use(await startServer({ ...environment, TAUTLINE_WORKER: 'off' }))
  const accessToken = await becomeAdmin(`${server.url}/rpc`, directUrl)
  const worker = startWorker(environment)
  stack.defer(() => worker.end())
  await worker.ready
  const running = stack.move()
  return {
    url: server.url,
    client: createClient<AppRouter>({ url: `${server.url}/rpc`, auth: () => accessToken }),
    headers: { authorization: `Bearer ${accessToken}` },
    sink,
    watch(next) {
      witness = next
    },
    worker,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function becomeAdmin(url: string, databaseUrl: string): Promise<string> {
  const chief = { email: 'chief@shop.example', password: 'correct horse battery' }
  const client = createClient<AppRouter>({ url })
  await client.auth.register.mutate({ ...chief, name: 'Chief' })
  await using session = await openSession(databaseUrl)
  await session.client.query(`update tautline.user set roles = '{admin}'`)
  return (await client.auth.login.mutate(chief)).accessToken
}

function startWorker(environment: NodeJS.ProcessEnv) {
  let isOver = false
  const ready = Promise.withResolvers<void>()
  let current = begin()

  function begin(): ChildProcess {
    const worker = launch(['worker'], environment)
    if (worker.stdout) {
      createInterface({ input: worker.stdout }).on('line', (line) => {
        if (line.includes('"working"')) ready.resolve()
      })
    }
    worker.once('exit', () => {
      if (!isOver) current = begin()
    })
    return worker
  }

  return {
    ready: ready.promise,
    kill: () => void current.kill('SIGKILL'),
    async stop() {
      const stopped = current
      stopped.kill('SIGTERM')
      await exitOf(stopped)
    },
    async end() {
      isOver = true
      current.kill('SIGKILL')
      await exitOf(current)
    },
  }
}

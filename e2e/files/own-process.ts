import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { z } from 'zod'

import { createDatabase, exitOf, openSession } from '../faults/server-process.ts'
import { migrate } from '../idempotency/source-process.ts'
import { nextMessage, startChild, stopChild } from '../login-flood/child.ts'

const Started = z.object({ url: z.string() })
const Observed = z.object({ rssBytes: z.number(), uploads: z.int(), downloads: z.int() })

const ENVIRONMENT = {
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'warn',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_SECRET: 'a secret that is only good for tests',
  TAUTLINE_DRAIN_QUIET_MS: '0',
}

/** A database and a folder for the backend of `own-app.ts`, and what is in them. */
export async function openFilesHome() {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const folder = await mkdtemp(join(tmpdir(), 'tautline-files-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const environment = { ...ENVIRONMENT, DATABASE_URL: directUrl, TAUTLINE_FILES: folder }
  await migrate(new URL('./own-app.ts', import.meta.url), environment)
  const { client } = stack.use(await openSession(directUrl))
  const running = stack.move()
  return {
    client,
    /** Names of all files in the folder, whole or not. */
    async stored(): Promise<string[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    },
    /** How many files there are to anybody. */
    async files(): Promise<number> {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::int as count from tautline.file',
      )
      return rows[0]?.count ?? -1
    },
    start: () => startServer(environment),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function startServer(environment: NodeJS.ProcessEnv) {
  const file = new URL('./server.fixture.ts', import.meta.url)
  const server = startChild({ file }, environment)
  const { url } = Started.parse(await nextMessage(server))
  return {
    url,
    /** The most memory since the last look, and what is open now. */
    async look() {
      server.send('look')
      return Observed.parse(await nextMessage(server))
    },
    async kill() {
      server.kill('SIGKILL')
      await exitOf(server)
    },
    [Symbol.asyncDispose]: async () => {
      if (server.exitCode === null && server.signalCode === null) await stopChild(server)
    },
  }
}

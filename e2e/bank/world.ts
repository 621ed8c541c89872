import { createClient, type Client, type ClientOptions } from '@tautline/client'
import { startMortalPostgres } from '@tautline/kit/testing'
import type { AppRouter } from '@tautline/server/router-type'

import { openFaultyWay } from '../faults/faulty-way.ts'
import { exitOf, launch, startServer } from '../faults/server-process.ts'

const BANKER = { email: 'banker@example.com', name: 'Bea', password: 'correct horse battery' }

/** For how long answers are under way, as between two machines: some are lost there, in milliseconds. */
const WAY_MS = 2

/** Usually a second: by then a strike would have parted two who wait for each other. */
const DEADLOCK_TIMEOUT = '20ms'

export type BankClient = Client<AppRouter>

/** Starts the reference backend, whose Postgres and whose way to it can be struck. */
export async function startWorld() {
  await using stack = new AsyncDisposableStack()
  const settings = { deadlock_timeout: DEADLOCK_TIMEOUT }
  const postgres = stack.use(await startMortalPostgres({ settings }))
  const way = stack.use(await openFaultyWay(() => Number(new URL(postgres.url).port)))
  way.delayMs = WAY_MS
  const environment = {
    DATABASE_URL: withPort(postgres.url, way.port),
    // A small machine that others use as well is no reason to refuse anybody here.
    TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
  }
  const server = stack.use(await startServer(environment))
  const token = await signInAsAdmin(server.url, environment)
  const running = stack.move()
  return {
    ...server,
    postgres,
    way,
    /** A client of the banker, who is an admin: all accounts are theirs. */
    client: (retry?: ClientOptions['retry']): BankClient =>
      createClient<AppRouter>({
        url: `${server.url}/rpc`,
        auth: () => token,
        ...(retry !== undefined && { retry }),
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Resolves to a token that is good for longer than any run takes. */
async function signInAsAdmin(url: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const nobody = createClient<AppRouter>({ url: `${url}/rpc` })
  await nobody.auth.register.mutate(BANKER)
  const promotion = launch(['user', 'promote', BANKER.email, 'admin'], environment)
  if ((await exitOf(promotion)) !== 0) throw new Error('The banker was not promoted.')
  const { email, password } = BANKER
  return (await nobody.auth.login.mutate({ email, password })).accessToken
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.port = String(port)
  return changed.href
}

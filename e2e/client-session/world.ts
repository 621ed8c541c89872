import {
  createClient,
  createSession,
  type Client,
  type Session,
  type SessionOptions,
} from '@tautline/client'
import { startTestServer } from '@tautline/kit/testing'

import { createAccountsApp, type AccountsRouter } from './accounts-app.ts'
import { startRelay } from './relay.ts'

/** Every request is one that a session makes. */
const retry = false

/** A tab: one session, one client with it, and what its listeners were told. */
export interface Tab {
  readonly session: Session
  readonly client: Client<AccountsRouter>
  readonly told: readonly string[]
  signIn(name: string): Promise<void>
}

/** A real server, reached directly by calls and through a breakable relay by refreshes. */
export async function startWorld() {
  const stack = new AsyncDisposableStack()
  const accounts = createAccountsApp()
  const server = stack.use(await startTestServer(accounts.app))
  const relay = stack.use(await startRelay(server.url))
  const anonymous = createClient<AccountsRouter>({ url: `${server.url}/rpc`, retry })
  const refreshing = createClient<AccountsRouter>({ url: `${relay.url}/rpc`, retry })

  function openTab(options: Partial<SessionOptions> = {}): Tab {
    const told: string[] = []
    const session = createSession({
      refresh: (refreshToken, given) => refreshing.auth.refresh.mutate({ refreshToken }, given),
      ...options,
    })
    session.subscribe((state) => told.push(state))
    const client = createClient<AccountsRouter>({ url: `${server.url}/rpc`, session, retry })
    return {
      session,
      client,
      told,
      async signIn(name) {
        session.signIn(await anonymous.auth.login.mutate({ name }))
      },
    }
  }

  return {
    ...accounts,
    url: `${server.url}/rpc`,
    anonymous,
    relay,
    openTab,
    /** How the calls of a procedure have ended so far, by the server's log. */
    outcomes: (procedure: string) =>
      server.logs
        .filter((line) => line['procedure'] === procedure && 'outcome' in line)
        .map((line) => line['outcome']),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

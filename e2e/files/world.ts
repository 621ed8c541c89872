import { setTimeout as sleep } from 'node:timers/promises'

import { createClient, createSession } from '@tautline/client'
import { startTestServer } from '@tautline/kit/testing'

import { startRelay, type RelayMode } from '../client-session/relay.ts'
import { createFilesApp, type FilesRouter } from './files-app.ts'

/** A real server that keeps files, and a breakable way to it. */
export async function startFilesWorld() {
  await using stack = new AsyncDisposableStack()
  const { book, app } = createFilesApp()
  const server = stack.use(await startTestServer(app))
  const relay = stack.use(await startRelay(server.url))
  const running = stack.move()
  let users = 0

  return {
    book,
    server,
    relay,
    /** What becomes of the next connections; those that are open are cut, which everybody has noticed. */
    async breakWith(mode: RelayMode, first?: RelayMode) {
      relay.become(mode, first)
      await sleep(20)
    },
    /** A client of somebody new; all that it does goes by the relay. */
    signIn(retry?: false) {
      const anonymous = createClient<FilesRouter>({ url: `${server.url}/rpc`, retry: false })
      const session = createSession({
        refresh: (refreshToken, given) => anonymous.auth.refresh.mutate({ refreshToken }, given),
      })
      session.signIn(book.issue(`user-${++users}`))
      const more = retry === undefined ? {} : { retry }
      return createClient<FilesRouter>({ url: `${relay.url}/rpc`, session, ...more })
    },
    /** How the uploads or downloads have ended so far, by the server's log. */
    outcomes: (kind: 'upload' | 'download') =>
      server.logs.filter((line) => line['kind'] === kind).map((line) => line['outcome']),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

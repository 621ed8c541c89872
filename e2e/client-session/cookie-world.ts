import {
  createClient,
  createCookieSession,
  type Client,
  type CookieSession,
  type SessionStore,
} from '@tautline/client'
import { auth, cookieIdentity, defineApp } from '@tautline/kit'
import { startTestServer } from '@tautline/kit/testing'

const app = defineApp({
  name: 'cookies',
  version: '1.0.0',
  features: { auth: auth({ cookies: {} }) },
  identity: cookieIdentity(),
  migrations: new URL('./no-migrations/', import.meta.url),
})

export type CookieRouter = (typeof app)['router']

/** The cookies of one browser: they go along only where credentials are included. */
function createBrowserFetch(origin: string, jar: Map<string, string>): typeof fetch {
  return async (url, init) => {
    const headers = new Headers(init?.headers)
    const included = init?.credentials === 'include'
    if (included && jar.size > 0) {
      headers.set('cookie', [...jar].map((pair) => pair.join('=')).join('; '))
    }
    if (init?.method === 'POST') headers.set('origin', origin)
    const answer = await fetch(url, { ...init, headers })
    for (const header of included ? answer.headers.getSetCookie() : []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? []
      if (header.includes('Max-Age=0;')) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
}

/** A tab of the browser: a session without tokens, and a client with it. */
interface CookieTab {
  readonly session: CookieSession
  readonly client: Client<CookieRouter>
  readonly told: readonly string[]
  signIn(): Promise<void>
}

/** Every request is one that a session makes. */
const retry = false

/** A server whose tokens are in cookies, whose clock can be put forward, and a browser's tabs. */
export async function startCookieWorld() {
  await using stack = new AsyncDisposableStack()
  const ahead = { ms: 0 }
  const clock = { now: () => new Date(Date.now() + ahead.ms) }
  const server = stack.use(await startTestServer(app, { clock }))
  const url = `${server.url}/rpc`
  const jar = new Map<string, string>()
  const fetch = createBrowserFetch(server.url, jar)
  const anonymous = createClient<CookieRouter>({ url, cookies: true, fetch, retry })
  const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
  await anonymous.auth.registerWithCookie.mutate(account)

  function openTab(store?: SessionStore): CookieTab {
    const told: string[] = []
    const session = createCookieSession({
      refresh: (options) => anonymous.auth.refreshCookie.mutate(undefined, options),
      ...(store && { store }),
    })
    session.subscribe((state) => told.push(state))
    return {
      session,
      client: createClient<CookieRouter>({ url, session, fetch, retry }),
      told,
      async signIn() {
        const { email, password } = account
        session.signIn(await anonymous.auth.signInWithCookie.mutate({ email, password }))
      },
    }
  }

  const running = stack.move()
  return {
    anonymous,
    jar,
    openTab,
    /** The access cookies given out so far are over for the server; the refresh cookies are not. */
    expireAccess() {
      ahead.ms += 11 * 60_000
    },
    refreshOutcomes: () =>
      server.logs
        .filter((line) => line['procedure'] === 'auth.refreshCookie' && 'outcome' in line)
        .map((line) => line['outcome']),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

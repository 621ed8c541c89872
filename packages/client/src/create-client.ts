import { createTRPCUntypedClient, type TRPCUntypedClient } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { batchLink } from './links/batch-link.ts'
import { LinkError } from './links/link-error.ts'
import { perLogin, sessionLink, shareAccess, type Accesses } from './links/session-link.ts'
import { orAborted } from './or-aborted.ts'
import type { Session } from './session.ts'
import { clientError, toCallError } from './to-call-error.ts'
import type { CallOptions, Client, RouterLike } from './types.ts'

type Awaitable<T> = T | Promise<T>

interface CommonOptions {
  /** Where the procedures are: `https://api.example.com/rpc`. */
  readonly url: string
  /** More headers, asked for before each request. */
  readonly headers?: () => Awaitable<Readonly<Record<string, string>>>
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

interface WithToken {
  /** The access token of the moment, asked for before each request; none goes without. */
  readonly auth?: () => Awaitable<string | null | undefined>
  readonly session?: never
}

interface WithSession {
  /** Gives the access token, renews it when it has expired, and replays the calls it kept back. */
  readonly session: Session
  readonly auth?: never
}

export type ClientOptions = CommonOptions & (WithToken | WithSession)

/**
 * A client with the exact types of a backend's router:
 *
 * ```ts
 * import type { AppRouter } from '@tautline/server/router-type'
 * const client = createClient<AppRouter>({ url, auth: () => token })
 * const item = await client.items.get.query({ id })
 * ```
 *
 * A failed call rejects with a `CallError`; `safe` gives it with its narrowed type.
 */
export function createClient<Router extends RouterLike>(options: ClientOptions): Client<Router> {
  const { url, session, fetch } = options
  const accesses: Accesses = new WeakMap()
  const requests = batchLink({
    url: url.replace(/\/$/, ''),
    fetch,
    headers: (operations) => headersOf(options, shareAccess(operations, accesses)?.accessToken),
  })
  const links = session
    ? [sessionLink(session, accesses), perLogin(requests, accesses)]
    : [requests]
  const untyped = createTRPCUntypedClient<AnyTRPCRouter>({ links })
  // The proxy has every path; the router's type says which of them there are.
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a proxy has no type of its own
  return pathProxy(untyped, []) as Client<Router>
}

/** The headers of one request. What throws here, and what no header may hold, was never sent. */
async function headersOf({ auth, headers }: ClientOptions, sessionToken: string | undefined) {
  try {
    const token = sessionToken ?? (await auth?.())
    const all = new Headers(await headers?.())
    if (token) all.set('authorization', `Bearer ${token}`)
    return all
  } catch (cause) {
    throw new LinkError('before', { cause })
  }
}

function pathProxy(client: TRPCUntypedClient<AnyTRPCRouter>, path: readonly string[]): object {
  return new Proxy(
    {},
    {
      get(_, key) {
        // `then` would make a client look like a promise, wherever one is returned from async code.
        if (typeof key !== 'string' || key === 'then') return undefined
        if (key === 'query') return caller(client, path.join('.'), 'query')
        if (key === 'mutate') return caller(client, path.join('.'), 'mutation')
        return pathProxy(client, [...path, key])
      },
    },
  )
}

function caller(
  client: TRPCUntypedClient<AnyTRPCRouter>,
  path: string,
  kind: 'query' | 'mutation',
) {
  return async (input?: unknown, options: CallOptions = {}): Promise<unknown> => {
    if (options.signal?.aborted) throw clientError('ABORTED', options.signal.reason)
    // A batch goes on until all of its calls are aborted; the aborted one does not wait for that.
    const call =
      kind === 'query' ? client.query(path, input, options) : client.mutation(path, input, options)
    try {
      return await orAborted(call, options.signal)
    } catch (error) {
      throw toCallError(error, kind)
    }
  }
}

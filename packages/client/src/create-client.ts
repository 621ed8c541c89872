import { createTRPCUntypedClient, type TRPCUntypedClient } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { batchLink } from './links/batch-link.ts'
import { clientError, toCallError } from './to-call-error.ts'
import type { CallOptions, Client, RouterLike } from './types.ts'

type Awaitable<T> = T | Promise<T>

export interface ClientOptions {
  /** Where the procedures are: `https://api.example.com/rpc`. */
  readonly url: string
  /** The access token of the moment, asked for before each request; none goes without. */
  readonly auth?: () => Awaitable<string | null | undefined>
  /** More headers, asked for before each request. */
  readonly headers?: () => Awaitable<Readonly<Record<string, string>>>
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

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
  const { url, auth, headers, fetch } = options
  const untyped = createTRPCUntypedClient<AnyTRPCRouter>({
    links: [
      batchLink({
        url: url.replace(/\/$/, ''),
        fetch,
        async headers() {
          const token = await auth?.()
          return {
            ...(await headers?.()),
            ...(token ? { authorization: `Bearer ${token}` } : {}),
          }
        },
      }),
    ],
  })
  // The proxy has every path; the router's type says which of them there are.
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a proxy has no type of its own
  return pathProxy(untyped, []) as Client<Router>
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
    const call =
      kind === 'query' ? client.query(path, input, options) : client.mutation(path, input, options)
    try {
      return await orAborted(call, options.signal)
    } catch (error) {
      throw toCallError(error, kind)
    }
  }
}

/** A batch goes on until all of its calls are aborted; the aborted one does not wait for that. */
function orAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return call
  return new Promise((resolve, reject) => {
    const abort = () => reject(new DOMException('The call was aborted.', 'AbortError'))
    signal.addEventListener('abort', abort, { once: true })
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

import { createTRPCUntypedClient, type TRPCUntypedClient } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { remember } from './client-handle.ts'
import type { ClientOptions, RetryPolicy } from './client-options.ts'
import { batchLink } from './links/batch-link.ts'
import { LinkError } from './links/link-error.ts'
import { retryLink } from './links/retry-link.ts'
import { perLogin, sessionLink, shareAccess, type Accesses } from './links/session-link.ts'
import { orAborted } from './or-aborted.ts'
import { requestHeaders } from './request-headers.ts'
import { callOf, contextOf, startCall, type CallKind, type RunningCall } from './running-call.ts'
import { randomId } from './session-store.ts'
import { subscriber } from './subscription-caller.ts'
import { createSubscribe, type Subscribe } from './subscription.ts'
import { clientError, toCallError } from './to-call-error.ts'
import type { Client, MutationOptions, RouterLike } from './types.ts'

const DEFAULT_TIMEOUT_MS = 30_000

const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 3 }

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
  const { url, session, fetch, timeoutMs = DEFAULT_TIMEOUT_MS, retry = DEFAULT_RETRY } = options
  const cookies = options.cookies ?? (session && 'cookies' in session)
  const accesses: Accesses = new WeakMap()
  const requests = batchLink({
    url: url.replace(/\/$/, ''),
    fetch,
    credentials: cookies ? 'include' : undefined,
    headers(operations) {
      const access = shareAccess(operations, accesses)
      const sessionToken = cookies ? undefined : access?.accessToken
      return headersOf(options, { sessionToken, calls: operations.map(callOf) })
    },
  })
  const retries = retryLink(retry || { maxAttempts: 1 })
  const links = session
    ? [sessionLink(session, accesses), retries, perLogin(requests, accesses)]
    : [retries, requests]
  const untyped = createTRPCUntypedClient<AnyTRPCRouter>({ links })
  const subscribe = createSubscribe(options)
  const makesKeys = retry !== false
  // The proxy has every path; the router's type says which of them there are.
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a proxy has no type of its own
  const client = pathProxy({ untyped, subscribe, timeoutMs, makesKeys }, []) as Client<Router>
  return remember(client, options)
}

interface Attempts {
  readonly sessionToken: string | undefined
  readonly calls: readonly RunningCall[]
}

/** The headers of one request. What throws here, and what no header may hold, was never sent. */
async function headersOf(options: ClientOptions, { sessionToken, calls }: Attempts) {
  try {
    const all = await requestHeaders(options, sessionToken)
    const remainingMs = Math.max(...calls.map((call) => call.remainingMs()))
    all.set('x-deadline-ms', String(Math.max(1, Math.ceil(remainingMs))))
    for (const call of calls) {
      if (call.isKeyed && call.key !== undefined) all.set('idempotency-key', call.key)
      call.sent()
    }
    return all
  } catch (cause) {
    throw new LinkError('before', { cause })
  }
}

/** What all calls of a client have in common. */
interface Common {
  readonly untyped: TRPCUntypedClient<AnyTRPCRouter>
  readonly subscribe: Subscribe
  readonly timeoutMs: number
  readonly makesKeys: boolean
}

function pathProxy(common: Common, path: readonly string[]): object {
  return new Proxy(
    {},
    {
      get(_, key) {
        // `then` would make a client look like a promise, wherever one is returned from async code.
        if (typeof key !== 'string' || key === 'then') return undefined
        if (key === 'query') return caller(common, path.join('.'), 'query')
        if (key === 'mutate') return caller(common, path.join('.'), 'mutation')
        if (key === 'subscribe') return subscriber(common.subscribe, path.join('.'))
        return pathProxy(common, [...path, key])
      },
    },
  )
}

function caller({ untyped, timeoutMs, makesKeys }: Common, path: string, kind: CallKind) {
  return async (input?: unknown, options: MutationOptions = {}): Promise<unknown> => {
    const { signal, idempotencyKey } = options
    if (signal?.aborted) throw clientError('ABORTED', signal.reason)
    const call = startCall({
      kind,
      signal,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      key: idempotencyKey ?? (kind === 'mutation' && makesKeys ? randomId() : undefined),
      isCallersKey: idempotencyKey !== undefined,
    })
    const given = { signal: call.signal, context: contextOf(call) }
    // A batch goes on until all of its calls are aborted; the aborted one does not wait for that.
    const answer =
      kind === 'query' ? untyped.query(path, input, given) : untyped.mutation(path, input, given)
    try {
      return await orAborted(answer, call.signal)
    } catch (error) {
      throw call.explain(toCallError(error, kind))
    } finally {
      call.end()
    }
  }
}

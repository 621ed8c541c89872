import { TRPCClientError, type TRPCLink } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'
import { observable } from '@trpc/server/observable'

import { CallError } from '../call-error.ts'
import type { ClientOptions } from '../client-options.ts'
import { createSubscribe, type ConnectionState } from '../subscription.ts'

/**
 * The subscriptions of our client for a client of tRPC's own, such as one for a framework:
 *
 * ```ts
 * splitLink({
 *   condition: ({ type }) => type === 'subscription',
 *   true: subscriptionLink({ url, auth: () => token }),
 *   false: httpBatchLink({ url, transformer }),
 * })
 * ```
 *
 * Takes the options of `createClient`. It needs no `EventSource`, and no transformer.
 */
export function subscriptionLink<Router extends AnyTRPCRouter>(
  options: ClientOptions,
): TRPCLink<Router> {
  const subscribe = createSubscribe(options)
  return () =>
    ({ op: { path, input, signal } }) =>
      observable((observer) => {
        const own = new AbortController()
        const leave = () => own.abort(signal?.reason)
        if (signal?.aborted) leave()
        signal?.addEventListener('abort', leave, { once: true })

        function onState({ state, error }: ConnectionState): void {
          if (state === 'pending') observer.next({ result: { type: 'started' } })
          const failure = error && toTrpcFailure<Router>(error)
          observer.next({
            result:
              state === 'connecting'
                ? { type: 'state', state, error: failure }
                : { type: 'state', state, error: null },
          })
        }

        async function read(): Promise<void> {
          for await (const { id, data } of subscribe({
            path,
            input,
            signal: own.signal,
            onState,
          })) {
            observer.next({ result: id === undefined ? { data } : { id, data: { id, data } } })
          }
          observer.next({ result: { type: 'stopped' } })
        }

        read()
          .then(
            () => observer.complete(),
            (error: unknown) => {
              if (own.signal.aborted) observer.complete()
              else observer.error(toTrpcFailure(error))
            },
          )
          .finally(() => signal?.removeEventListener('abort', leave))
        return leave
      })
}

/** With the facts where clients of tRPC look for them. */
function toTrpcFailure<Router extends AnyTRPCRouter>(error: unknown): TRPCClientError<Router> {
  if (!(error instanceof CallError)) return TRPCClientError.from(new Error('', { cause: error }))
  if (error.cause instanceof TRPCClientError) return TRPCClientError.from(error.cause)
  return TRPCClientError.from(error)
}

import { TRPCClientError, type Operation, type OperationLink, type TRPCLink } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'
import { observable, observableToPromise } from '@trpc/server/observable'

export type Next = Parameters<OperationLink<AnyTRPCRouter>>[0]['next']

/** Sends an operation down the links. */
export function send(op: Operation, next: Next) {
  return observableToPromise(next(op))
}

type Sent = ReturnType<typeof send>

/** A link as an async function. */
export function promiseLink(run: (op: Operation, next: Next) => Sent): TRPCLink<AnyTRPCRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        run(op, next).then(
          (result) => {
            observer.next(result)
            observer.complete()
          },
          (error: unknown) => observer.error(toLinkFailure(error)),
        )
      })
}

function toLinkFailure(error: unknown): TRPCClientError<AnyTRPCRouter> {
  return TRPCClientError.from(
    error instanceof Error ? error : new Error('No error', { cause: error }),
  )
}

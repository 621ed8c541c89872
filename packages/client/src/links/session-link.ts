import type { Operation, OperationLink, TRPCLink } from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { CallError } from '../call-error.ts'
import type { Access, Session } from '../session.ts'
import { clientError, toCallError } from '../to-call-error.ts'
import { promiseLink, send, type Next } from './promise-link.ts'

/** What each operation goes with, by its context; none where nobody is signed in. */
export type Accesses = WeakMap<object, Access>

/**
 * Sends each call as the user who is signed in when it is made, with a token that is not known to
 * have expired. A call that is refused as `UNAUTHENTICATED` all the same, which is before anything
 * of it ran, is sent once more with the next token.
 */
export function sessionLink(
  session: Pick<Session, 'access' | 'renew'>,
  accesses: Accesses,
): TRPCLink<AnyTRPCRouter> {
  function sendAs(access: Access | null, op: Operation, next: Next) {
    if (op.signal?.aborted) throw clientError('ABORTED', op.signal.reason)
    const context = { ...op.context }
    if (access) accesses.set(context, access)
    return { context, answer: send({ ...op, context }, next) }
  }

  return promiseLink(async (op, next) => {
    const access = await told(session.access())
    const { context, answer } = sendAs(access, op, next)
    try {
      return await answer
    } catch (error) {
      const sentWith = accesses.get(context)
      if (!sentWith || !isUnauthenticated(error)) throw error
      const renewed = await told(session.renew(sentWith))
      if (!renewed) throw error
      return sendAs(renewed, op, next).answer
    }
  })
}

/** A session fails with a `CallError`; anything else comes from its store, and was not sent. */
export function told<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw error instanceof CallError ? error : clientError('NOT_SENT', error)
  })
}

function isUnauthenticated(error: unknown): boolean {
  return toCallError(error, 'query').reason === 'UNAUTHENTICATED'
}

/** One link for each login, because a request has one token: two users never share a batch. */
export function perLogin(
  link: TRPCLink<AnyTRPCRouter>,
  accesses: Accesses,
): TRPCLink<AnyTRPCRouter> {
  return (runtime) => {
    let current: { loginId: string | undefined; run: OperationLink<AnyTRPCRouter> } | undefined
    return (props) => {
      const loginId = accesses.get(props.op.context)?.loginId
      if (!current || current.loginId !== loginId) current = { loginId, run: link(runtime) }
      return current.run(props)
    }
  }
}

/** The newest token among calls of one login; the others are then known to have gone with it. */
export function shareAccess(operations: readonly Operation[], accesses: Accesses): Access | null {
  const newest = operations.findLast(({ context }) => accesses.has(context))
  const access = newest && accesses.get(newest.context)
  if (!access) return null
  for (const { context } of operations) accesses.set(context, access)
  return access
}

import { Failure, isFailure, retry } from '@tautline/shared'

import { UPSTREAM_INVALID } from './failures.ts'
import { nextHop, type Hop } from './hop.ts'
import type { Hosts } from './hosts.ts'
import {
  isWorthRetrying,
  send,
  type OutgoingResponse,
  type Redirect,
  type SendOptions,
} from './send.ts'

/** What the hops of one call share. */
export interface CallPlan extends Omit<SendOptions, 'host'> {
  readonly hosts: Hosts
}

const MAX_REDIRECTS = 3
const BACKOFF = { baseMs: 100, capMs: 2_000 }

/** Sends a request, and where the answer leads elsewhere the next one, as a call of its own. */
export async function follow(first: Hop, plan: CallPlan): Promise<OutgoingResponse> {
  let hop = first
  for (let redirects = 0; ; redirects++) {
    const answer = await exchange(hop, plan)
    if (!('location' in answer)) return answer
    if (redirects === MAX_REDIRECTS) {
      throw new Failure(UPSTREAM_INVALID, { cause: new Error('Too many redirects.') })
    }
    hop = nextHop(hop, answer.status, answer.location)
  }
}

/** One hop, sent again where that may be done and may help. */
function exchange(hop: Hop, { hosts, ...plan }: CallPlan): Promise<OutgoingResponse | Redirect> {
  const host = hosts.of(hop.url.origin)
  const { deadline, isIdempotent } = plan
  return retry(() => send(hop, { ...plan, host }), {
    ...BACKOFF,
    budget: host.budget,
    signal: deadline.signal,
    remainingMs: deadline.remainingMs,
    isRetryable: (failure) =>
      isIdempotent &&
      !deadline.signal.aborted &&
      isFailure(failure) &&
      isWorthRetrying(failure) && { retryAfterMs: failure.details.retryAfterMs },
  })
}

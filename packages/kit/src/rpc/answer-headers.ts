import type { ServerResponse } from 'node:http'

import type { TRPCError } from '@trpc/server'

import { isFailure } from '@tautline/shared'

import { rateLimit, rateLimitPolicy, retryAfter } from '../policies/rate-limit/headers.ts'
import type { Charge, LimitState } from '../policies/rate-limit/rate-limit-store.ts'
import type { RequestContext } from './context.ts'

/** What calls have to say in the headers of their answer. */
export interface RequestAnswer {
  /** The limits that a call was charged to, and what is left of them. */
  limited(charges: readonly Charge[], states: readonly LimitState[]): void
  /** The answer is one that was given before, for the same key. */
  readonly replayed: () => void
  headers(): Readonly<Record<string, string>>
}

/** Of the calls of a batch, that one tells of a limit which found the least left. */
export function createRequestAnswer(): RequestAnswer {
  const limits = new Map<string, { charge: Charge; state: LimitState }>()
  let isReplay = false
  return {
    limited(charges, states) {
      states.forEach((state, index) => {
        const charge = charges[index]
        const known = limits.get(state.name)
        if (charge && (!known || state.remaining <= known.state.remaining)) {
          limits.set(state.name, { charge, state })
        }
      })
    },
    replayed() {
      isReplay = true
    },
    headers() {
      const all = [...limits.values()]
      return {
        ...(all.length > 0 && {
          'ratelimit-policy': rateLimitPolicy(all.map(({ charge }) => charge)),
          ratelimit: rateLimit(all.map(({ state }) => state)),
        }),
        ...(isReplay && { 'idempotency-replayed': 'true' }),
      }
    },
  }
}

/** The calls of a request, when all of them have ended. */
export interface EndedCalls {
  readonly context: RequestContext
  /** How many there are. */
  readonly count: number
  readonly errors: readonly TRPCError[]
}

/**
 * The one place that adds headers to the answers of calls. Of what is already there, tRPC overwrites
 * `Vary`, and `Cache-Control` on streams, so those are joined to its own. The headers of a stream
 * leave before its calls end: what they have to say is in `error.data` and in the log.
 */
export function answerHeaders(response: ServerResponse, ended: EndedCalls | undefined): Headers {
  const headers = new Headers()
  const vary = response.getHeader('vary')
  if (vary !== undefined) headers.append('vary', String(vary))
  if (!ended) {
    headers.append('cache-control', 'no-store')
    return headers
  }
  const { context } = ended
  headers.set('server-timing', context.timing.header())
  for (const [name, value] of Object.entries(context.answer.headers())) headers.set(name, value)
  for (const cookie of context.cookies.changed) headers.append('set-cookie', cookie)
  const waitMs = commonWaitMs(ended)
  if (waitMs !== undefined) headers.set('retry-after', retryAfter(waitMs))
  return headers
}

/** The longest wait, where every call was refused for the moment; in milliseconds. */
function commonWaitMs({ count, errors }: EndedCalls): number | undefined {
  const waits = errors.flatMap(({ cause }) =>
    isFailure(cause) && cause.details.retryAfterMs !== undefined ? cause.details.retryAfterMs : [],
  )
  return waits.length > 0 && waits.length === count ? Math.max(...waits) : undefined
}

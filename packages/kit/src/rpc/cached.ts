import { currentCall } from '../platform/call-scope.ts'
import { cacheKey, type CacheScope } from '../policies/cache/cache-key.ts'
import type { CallCookies, Principal } from '../resources.ts'
import { fromText, toText } from './answer.ts'
import { timeoutMsOf, type RunningCall } from './call.ts'
import type { RequestContext } from './context.ts'
import type { Known } from './handler-context.ts'
import type { CachePolicy } from './policy.ts'

type Reader = RequestContext & Known & { readonly call: RunningCall }

export interface CachedQuery {
  readonly input: unknown
  /** Runs the handler; what it gives has passed the output schema. */
  readonly answer: (known: Known) => Promise<unknown>
}

/** A cookie is of one request, and an answer that is kept is of many. */
const NO_COOKIES: CallCookies = {
  get: () => undefined,
  writer() {
    throw new Error('An answer that is kept sets no cookies.')
  },
}

const codec = { encode: toText, decode: fromText }

/**
 * The kept answer of a query, or a new one, which is then kept. The handler runs as work of its own,
 * because others may be waiting for it too: it ends when all of them have left.
 */
export async function readThrough(
  ctx: Reader,
  policy: CachePolicy<unknown>,
  { input, answer }: CachedQuery,
): Promise<unknown> {
  const { mechanisms, resources, call } = ctx
  const { scope, ttlMs, staleMs = 0, tags } = policy
  const caller = audienceOf(scope, call.principal)
  const { procedure, signal, spent } = call.scope
  const startedAt = performance.now()
  let filledMs = 0
  const { value, state } = await mechanisms.cache.read({
    key: cacheKey({ procedure, buildId: mechanisms.buildId, input, scope, caller }),
    tags: tags?.(input, caller) ?? [],
    ttlMs,
    staleMs,
    fillTimeoutMs: timeoutMsOf(ctx.planOf(procedure)),
    signal,
    codec,
    async fill() {
      const fillStartedAt = performance.now()
      try {
        const known = { scope: currentCall() ?? call.scope, address: '', principal: caller }
        return await answer({ call: known, cookies: NO_COOKIES, resources, mechanisms })
      } finally {
        filledMs += performance.now() - fillStartedAt
      }
    },
  })
  const ownMs = Math.max(0, performance.now() - startedAt - filledMs)
  spent.cacheMs = (spent.cacheMs ?? 0) + ownMs
  call.cache = state
  return value
}

/** The caller as all are who share the answer: what is no part of its key is not there. */
function audienceOf(scope: CacheScope, caller: Principal | null): Principal | null {
  if (scope === 'public' || !caller) return null
  const { issuer, tenantId, userId, roles, scopes } = caller
  return {
    userId: scope === 'tenant' && tenantId !== undefined ? '' : userId,
    ...(tenantId !== undefined && { tenantId }),
    ...(issuer !== undefined && { issuer }),
    roles,
    scopes,
  }
}

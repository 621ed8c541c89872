import type { Db } from '../db/database.ts'
import { isWithinTransaction } from '../platform/call-scope.ts'
import { cacheKey } from '../policies/cache/cache-key.ts'
import type { CachedValue, CallCache, Principal } from '../resources.ts'
import { fromText, toText } from './answer.ts'
import type { Invalidations } from './invalidations.ts'
import type { Mechanisms } from './mechanisms.ts'

export interface CallCacheParts {
  readonly mechanisms: Pick<Mechanisms, 'cache' | 'buildId'>
  readonly caller: Principal | null
  readonly db: Db
  readonly signal: AbortSignal
  /** Of a call that changes something. */
  readonly invalidations: Invalidations | undefined
}

/**
 * `ctx.cache`. A mutation reads what is there, and not what was kept; so does a transaction, which
 * holds a connection that others, whose fill it would wait for, may be waiting for.
 */
export function createCallCache(parts: CallCacheParts): CallCache {
  const { mechanisms, caller, db, signal, invalidations } = parts
  const { cache, buildId } = mechanisms
  return {
    async read<T>(
      { name, input, scope, tags = [], ttlMs, staleMs = 0 }: CachedValue,
      fill: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      if (invalidations || isWithinTransaction()) return fill(signal)
      const key = cacheKey({ procedure: `value ${name}`, buildId, input, scope, caller })
      const codec = {
        encode: toText,
        // oxlint-disable-next-line typescript/consistent-type-assertions -- the key is of this name alone
        decode: (text: string) => fromText(text) as T,
      }
      const { value } = await cache.read<T>({ key, tags, ttlMs, staleMs, signal, codec, fill })
      return value
    },
    async invalidate(tags) {
      if (invalidations?.isOpen) invalidations.note(tags)
      else await cache.purge(tags, db)
    },
    purge: () => cache.purge('all', db),
  }
}

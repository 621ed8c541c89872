import { createHash } from 'node:crypto'

import type { Redis } from '../../platform/redis/redis.ts'
import { createScript } from '../../platform/redis/script.ts'

/** What was found for a key that somebody wants to fill. */
export type Found =
  /** An answer that is valid, for so many milliseconds more. */
  | { readonly kind: 'entry'; readonly text: string; readonly lifeMs: number }
  /** Nothing; the one who asked has the lock now. */
  | { readonly kind: 'locked' }
  /** Nothing; another one is filling. */
  | { readonly kind: 'busy' }

/** One place: a key, under the version of its tags that the one who asks has read. */
export interface Place {
  readonly key: string
  readonly version: string
  /** Names the one who asks, as the holder of the lock. */
  readonly token: string
}

/** The part of the cache that all processes share. Each rejects with `RedisUnavailableError`. */
export interface SharedEntries {
  /** An entry that lives for more than `minLifeMs`, or else the lock, if nobody has it. */
  look(place: Place, minLifeMs: number): Promise<Found>
  /** Keeps the text, and frees the lock. */
  store(place: Place, text: string, lifeMs: number): Promise<void>
  /** Keeps the lock for longer. */
  renew(place: Place): Promise<void>
  release(place: Place): Promise<void>
}

/** How long the lock outlives a holder that died, in milliseconds. */
export const LOCK_TTL_MS = 3_000

/** An entry begins with the digest of its version. */
const LOOK = createScript(`
local kept = redis.call('GET', KEYS[1])
if kept and string.sub(kept, 1, #ARGV[1]) == ARGV[1] then
  local life = redis.call('PTTL', KEYS[1])
  if life > tonumber(ARGV[2]) then return {string.sub(kept, #ARGV[1] + 1), life} end
end
if redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return 1 end
return 0`)

const STORE = createScript(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end`)

const RENEW = createScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end`)

const RELEASE = createScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`)

/**
 * The lock belongs to key and version: whoever reads after a change does not wait for one who began
 * before it.
 */
export function createRedisEntries(redis: Redis): SharedEntries {
  const entryKey = ({ key }: Place) => `cache:entry:${key}`
  const lockKey = (place: Place) => `cache:fill:${place.key}:${digest(place)}`

  return {
    look: (place, minLifeMs) =>
      redis.run(async (client) => {
        const args = [digest(place), minLifeMs, place.token, LOCK_TTL_MS]
        return toFound(await LOOK.run(client, [entryKey(place), lockKey(place)], args))
      }),
    store: (place, text, lifeMs) =>
      redis.run(async (client) => {
        const args = [digest(place) + text, Math.ceil(lifeMs), place.token]
        await STORE.run(client, [entryKey(place), lockKey(place)], args)
      }),
    renew: (place) =>
      redis.run(async (client) => {
        await RENEW.run(client, [lockKey(place)], [place.token, LOCK_TTL_MS])
      }),
    release: (place) =>
      redis.run(async (client) => {
        await RELEASE.run(client, [lockKey(place)], [place.token])
      }),
  }
}

function digest({ version }: Place): string {
  return createHash('sha256').update(version).digest('base64url')
}

function toFound(reply: unknown): Found {
  if (!Array.isArray(reply)) return { kind: reply === 1 ? 'locked' : 'busy' }
  const [text, lifeMs] = reply.map((part: unknown) => part)
  if (typeof text !== 'string') throw new TypeError('An entry in Redis is no text.')
  return { kind: 'entry', text, lifeMs: Number(lifeMs) }
}

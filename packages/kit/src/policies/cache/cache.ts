import type { Db } from '../../db/database.ts'
import type { Notifications } from '../../db/notifications.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Redis } from '../../platform/redis/redis.ts'
import { createEntries, type EntriesOptions } from './entries.ts'
import { createMemoryTagStore } from './memory-tag-store.ts'
import { createReader, type CacheAnswer, type CacheRead } from './reader.ts'
import { createRedisEntries } from './redis-entries.ts'
import { createRedisTagStore } from './redis-tag-store.ts'
import type { TagSelection } from './tag-store.ts'
import { createValidity, type Marks } from './validity.ts'

export interface CacheOptions {
  /** Bounds of what this process keeps. */
  readonly l1: EntriesOptions
  /** What several processes share; may be away at any time. */
  readonly redis?: Redis | undefined
  /** How several processes hear of changes that Redis does not tell of. */
  readonly bus?: Pick<Notifications, 'listen'> | undefined
  readonly metrics: Metrics
  readonly clock: Clock
  /** Longest fill of a read that says none, in milliseconds. Default 10 s. */
  readonly fillTimeoutMs?: number
  /** How long a mark outlives a process that died between mark and clear, in milliseconds. Default 15 s. */
  readonly markTtlMs?: number
  /** In [0, 1); spreads the expiry. */
  readonly random?: () => number
}

/**
 * Answers that are kept. Values are passed as text, so that no caller can change another's.
 *
 * What a read promises about a change that was acknowledged before it began, that is, whose marks
 * were cleared:
 * - one process (no `bus`), with or without `redis`: exact.
 * - several processes with `redis`: exact, while those that change and those that read reach it.
 * - several processes with `bus` alone: a change is seen by the others when NOTIFY has told it, as
 *   a rule within milliseconds; on a network that goes silent, within three seconds. While a
 *   process does not hear the others, it keeps nothing that has tags.
 * - `redis` configured, but away from some: those tell changes by `bus` (the bound above) and read
 *   from the database; reads of one key that come together share one query.
 *
 * A crash or a rollback between mark and clear costs misses for `markTtlMs`, and makes nothing stale,
 * if the commit came within `markTtlMs` of the mark: ask `marks.fresh` before it. Where Redis evicts
 * keys, an evicted version is a miss; an evicted mark leaves the crash of its process uncovered, so
 * `noeviction` is the policy to run it with: without room it refuses, and reads go to the database.
 */
export interface Cache extends Disposable {
  /** Rejects with what the fill rejects with, or with the signal's reason. Never because of the cache. */
  read<T>(request: CacheRead<T>): Promise<CacheAnswer<T>>
  /** Before COMMIT. Until the marks are cleared, reads of these tags bypass the cache. */
  mark(tags: readonly string[]): Promise<Marks>
  /** Makes what is kept under the tags, or all of it, invalid. Other processes hear of it by `db`. */
  purge(selection: TagSelection, db?: Db): Promise<void>
}

const FILL_TIMEOUT_MS = 10_000
const MARK_TTL_MS = 15_000

export function createCache(options: CacheOptions): Cache {
  const { redis, bus, metrics, clock, markTtlMs = MARK_TTL_MS } = options
  const entries = createEntries(options.l1)
  const local = createMemoryTagStore({ clock, metrics })
  const validity = createValidity({
    local,
    shared: redis && createRedisTagStore(redis),
    bus,
    clock,
    markTtlMs,
    onPurge: () => entries.clear(),
  })
  const reader = createReader({
    entries,
    shared: redis && createRedisEntries(redis),
    validity,
    metrics,
    clock,
    random: options.random ?? Math.random,
    fillTimeoutMs: options.fillTimeoutMs ?? FILL_TIMEOUT_MS,
  })
  const gauges = [
    metrics.gauge('cache_entries', () => entries.size),
    metrics.gauge('cache_bytes', () => entries.bytes),
    metrics.gauge('cache_fills', () => reader.fills),
  ]
  return {
    read: (request) => reader.read(request),
    mark: (tags) => validity.mark(tags),
    purge: (selection, db) => validity.purge(selection, db),
    [Symbol.dispose]() {
      validity[Symbol.dispose]()
      local[Symbol.dispose]()
      for (const remove of gauges) remove()
    },
  }
}

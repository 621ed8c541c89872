import { orAborted } from '../../platform/abort.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { ownWork } from './fill.ts'
import { createFlights } from './flights.ts'
import { createSupply, type Asked, type Brought, type SupplyParts } from './supply.ts'
import type { Validity, View } from './validity.ts'

/** Turns answers into text, and back. */
export interface Codec<T> {
  encode(value: T): string
  decode(text: string): T
}

export interface CacheRead<T> {
  /** What the answer depends on: see `cacheKey`. */
  readonly key: string
  /** Invalidating any of them makes the answer invalid. Without tags it is valid for its time. */
  readonly tags?: readonly string[]
  /** How long an answer is fresh, in milliseconds; ±10 %, so that not all expire together. */
  readonly ttlMs: number
  /** For how long after that it may be served while a new one is made, in milliseconds. Default 0. */
  readonly staleMs?: number
  /** Ends the wait of this caller; the fill goes on while others wait for it. */
  readonly signal?: AbortSignal
  readonly codec: Codec<T>
  /** Longest fill, in milliseconds. Default: the cache's own. */
  readonly fillTimeoutMs?: number | undefined
  /** Makes the answer. Its signal aborts when nobody waits any more or the fill's time is up. */
  readonly fill: (signal: AbortSignal) => Promise<T>
}

/** `miss` ran the query itself; `coalesced` has the answer that another caller's query made. */
export type CacheState = 'hit' | 'stale' | 'miss' | 'coalesced'

export interface CacheAnswer<T> {
  readonly value: T
  readonly state: CacheState
}

export interface ReaderParts extends SupplyParts {
  readonly validity: Pick<Validity, 'read' | 'untagged'>
  readonly metrics: Metrics
  readonly random: () => number
  /** For reads that say none, in milliseconds. */
  readonly fillTimeoutMs: number
}

/** How far from `ttlMs` an entry may expire. */
const JITTER = 0.1

const COUNTERS = {
  hit: 'cache_hits_total',
  stale: 'cache_stale_total',
  miss: 'cache_misses_total',
  coalesced: 'cache_coalesced_total',
}

const flightOf = ({ key }: Asked, { use, version }: View) => `${use} ${key} ${version}`

export function createReader(parts: ReaderParts) {
  const { validity, metrics, random } = parts
  const { find, bring } = createSupply(parts)
  const flights = createFlights<Brought>()

  /** While the stale answer is served. */
  async function renew(asked: Asked, view: View): Promise<void> {
    const flight = flightOf(asked, view)
    if (flights.has(flight)) return
    try {
      await flights.join(flight, (signal) => bring({ ...asked, renews: true }, view, signal))
    } catch {
      metrics.count('cache_renewal_failures_total') // the next stale read tries again
    }
  }

  async function answerOf<T>(request: CacheRead<T>): Promise<CacheAnswer<T>> {
    const { key, ttlMs, staleMs = 0, signal, codec } = request
    const fillTimeoutMs = request.fillTimeoutMs ?? parts.fillTimeoutMs
    signal?.throwIfAborted()
    const tags = [...new Set(request.tags)].toSorted()
    const fill = ownWork(request.fill, fillTimeoutMs)
    let made: { readonly value: T } | undefined
    async function make(fillSignal: AbortSignal) {
      made = { value: await fill(fillSignal) }
      return codec.encode(made.value)
    }
    const freshMs = ttlMs * (1 - JITTER + 2 * JITTER * random())
    const asked: Asked = { key, freshMs, staleMs, patienceMs: fillTimeoutMs, renews: false, make }

    const untagged = tags.length === 0 ? find(key, validity.untagged) : undefined
    if (untagged && !untagged.stale) return { value: codec.decode(untagged.text), state: 'hit' }
    const view = await orAborted(validity.read(tags), signal)
    if (view.use !== 'cached') metrics.count('cache_bypassed_total')
    if (view.use === 'alone') return { value: await fill(signal), state: 'miss' }
    const found = view.use === 'cached' ? find(key, view.version) : undefined
    if (found) {
      if (found.stale) renew(asked, view).catch(() => {}) // it has caught all
      return { value: codec.decode(found.text), state: found.stale ? 'stale' : 'hit' }
    }
    const { result, own } = await flights.join(
      flightOf(asked, view),
      (flightSignal) => bring(asked, view, flightSignal),
      signal,
    )
    if (result.stale) renew(asked, view).catch(() => {})
    if (!own) return { value: codec.decode(result.text), state: 'coalesced' }
    if (made) return { value: made.value, state: 'miss' }
    return { value: codec.decode(result.text), state: result.stale ? 'stale' : 'hit' }
  }

  return {
    async read<T>(request: CacheRead<T>): Promise<CacheAnswer<T>> {
      const answer = await answerOf(request)
      metrics.count(COUNTERS[answer.state])
      return answer
    },
    /** Fills under way. */
    get fills() {
      return flights.size
    },
  }
}

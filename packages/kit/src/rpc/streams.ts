import { getHeapStatistics } from 'node:v8'

import { commonErrors, Failure } from '@tautline/shared'

import type { Clock } from '../platform/clock.ts'
import type { Metrics } from '../platform/metrics.ts'
import { networkOf } from '../policies/rate-limit/network.ts'
import type { Principal } from '../resources.ts'
import { identityOf } from './handler-context.ts'
import { StreamEnd } from './stream-end.ts'

/** How long a stream lasts, in milliseconds, ± a fifth: balancers then spread what has piled up. */
const MAX_DURATION_MS = 10 * 60_000

/** And at least, in milliseconds: the token of a clock that is behind has expired on arrival. */
const MIN_DURATION_MS = 1_000

/** Readers whom a stop ends come back within this, in milliseconds: not all at once. */
const SPREAD_MS = 5_000

/** Those whose own stream is over do at once, in milliseconds. */
const RESUME_MS = { min: 100, max: 300 }

/** How long readers are asked to wait for whom there is no room, in milliseconds. */
const RETRY_AFTER_MS = 2_000

/** What a stream holds, at most and with room for its handler, in bytes; `bench/watch-memory.ts`. */
const BYTES_A_STREAM = 64 * 1024

/** The part of the heap that is for streams. */
const HEAP_SHARE = 0.25

/** Below the connections that the server takes, so that calls still come in. */
const MAX_STREAMS = 8_000

/** Who reads a stream. */
export interface StreamReader {
  readonly principal: Principal | null
  /** The client's IP address, for one who is nobody. */
  readonly address: string
}

/** A stream that goes to one reader. */
export interface OpenStream {
  /** Aborts when it is to end: with a `StreamEnd`, or because its reader has left. */
  readonly signal: AbortSignal
  /**
   * Counts it among those of its reader, who may have so many. Throws `RATE_LIMITED`. A reader whose
   * token expires reads until then, and resumes with the next one.
   */
  admit(reader: StreamReader, max: number): void
  /** Ends it because its reader has left. */
  readonly leave: () => void
  /** Gives its place up. */
  close(): void
}

/** The streams of one process: what goes on for as long as somebody reads. */
export interface Streams {
  /** Takes a place. Throws `OVERLOADED` when there is none, `UNAVAILABLE` once all have been ended. */
  readonly open: () => OpenStream
  /** Ends all of them, for their readers to resume elsewhere. No more are opened after that. */
  readonly end: () => void
}

export interface StreamsOptions {
  readonly metrics: Metrics
  readonly clock: Clock
  /** Default: a quarter of the heap, 64 KB each, and 8,000 at most. */
  readonly max?: number
}

/** Keeps account of streams. The gauge `rpc_streams_open` has their number. */
export function createStreams({ metrics, clock, max = roomForStreams() }: StreamsOptions): Streams {
  const open = new Set<() => void>()
  /** How many each reader has. */
  const readers = new Map<string, number>()
  let ended = false
  metrics.gauge('rpc_streams_open', () => open.size)

  function enter(reader: string, limit: number): () => void {
    const others = readers.get(reader) ?? 0
    if (others >= limit) {
      metrics.count('rpc_streams_refused_total', { reason: 'RATE_LIMITED' })
      throw new Failure(commonErrors.RATE_LIMITED, { retryAfterMs: RETRY_AFTER_MS })
    }
    readers.set(reader, others + 1)
    return () => {
      const left = (readers.get(reader) ?? 1) - 1
      if (left === 0) readers.delete(reader)
      else readers.set(reader, left)
    }
  }

  return {
    open() {
      if (ended) throw unavailable()
      if (open.size >= max) {
        metrics.count('rpc_streams_refused_total', { reason: 'OVERLOADED' })
        throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
      }
      const controller = new AbortController()
      const expire = () => controller.abort(new StreamEnd(between(RESUME_MS)))
      let timer = setTimeout(expire, MAX_DURATION_MS * between({ min: 0.8, max: 1.2 }))
      const endNow = () => controller.abort(new StreamEnd(between({ min: 0, max: SPREAD_MS })))
      let exit = () => {}
      open.add(endNow)
      return {
        signal: controller.signal,
        admit({ principal, address }, limit) {
          exit = enter(principal ? identityOf(principal) : networkOf(address), limit)
          const lifeMs = (principal?.expiresAt?.getTime() ?? Infinity) - clock.now().getTime()
          if (lifeMs > MAX_DURATION_MS) return
          clearTimeout(timer)
          timer = setTimeout(expire, Math.max(MIN_DURATION_MS, lifeMs))
        },
        leave: () => controller.abort(new Failure(commonErrors.CLIENT_CLOSED_REQUEST)),
        close() {
          clearTimeout(timer)
          open.delete(endNow)
          exit()
          exit = () => {}
        },
      }
    },
    end() {
      ended = true
      for (const endNow of open) endNow()
    },
  }
}

function unavailable(): Failure {
  const retryAfterMs = Math.ceil(between({ min: 0, max: SPREAD_MS }))
  return new Failure(commonErrors.UNAVAILABLE, { retryAfterMs })
}

function between({ min, max }: { readonly min: number; readonly max: number }): number {
  return min + Math.random() * (max - min)
}

function roomForStreams(): number {
  const bytes = getHeapStatistics().heap_size_limit * HEAP_SHARE
  return Math.min(MAX_STREAMS, Math.floor(bytes / BYTES_A_STREAM))
}

import type { Writable } from 'node:stream'

import type { Redis as RedisClient } from 'ioredis'

import { orAborted } from '../abort.ts'
import { createBreaker } from '../breaker.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { createConnection, type RedisConfig, type UpListener } from './connection.ts'
import { failureOf, RedisUnavailableError, type RedisFailure } from './redis-error.ts'
import { withinTime } from './within-time.ts'

/** A Redis that may be away at any time. */
export interface Redis {
  /** `down` until it has answered for the first time, and whenever it does not. */
  readonly state: 'up' | 'down'
  /** Begins to connect, for good. Resolves when Redis is up or the first try has failed. */
  connect(): Promise<void>
  /**
   * Runs `use`, which sends commands and does nothing else, within `timeoutMs`. Rejects with
   * `RedisUnavailableError`: at once while Redis is down; what timed out may have been done.
   */
  run<T>(use: (client: RedisClient) => Promise<T>, signal?: AbortSignal): Promise<T>
  /**
   * Calls the listener at every connect and reconnect, before `run` lets anybody use it. While it
   * fails, Redis stays down.
   */
  onUp(listener: UpListener): void
  /** Fails what is under way, and ends the connection. */
  readonly close: () => Promise<void>
}

/** Uses under way at the same time: more than a Redis that hangs may make this process hold. */
const MAX_IN_FLIGHT = 1_000

export interface RedisParts {
  readonly log: Logger
  readonly metrics: Metrics
}

/** Opens nothing before `connect`. A Redis that is away is never an error of the process. */
export function createRedis(config: RedisConfig, { log, metrics }: RedisParts): Redis {
  const connection = createConnection(config, log)
  const breaker = createBreaker()
  connection.onUp(async () => breaker.reset())
  let inFlight = 0
  const gauges = [
    metrics.gauge('redis_up', () => (connection.isUp ? 1 : 0)),
    metrics.gauge('redis_in_flight', () => inFlight),
  ]

  function unavailable(failure: RedisFailure, cause?: unknown): RedisUnavailableError {
    metrics.count('redis_failures_total', { failure })
    return new RedisUnavailableError(failure, { cause })
  }

  /** Whatever answers is alive, also where it refuses; a hanging one is let go of. */
  function judge(epoch: number, error?: unknown): void {
    if (epoch !== connection.epoch || !connection.isUp) return
    const failure = failureOf(error)
    breaker.record(failure === 'timeout' || failure === 'broken' ? 'failure' : 'success')
    if (breaker.isOpen) connection.drop(error)
  }

  async function send<T>(use: (client: RedisClient) => Promise<T>): Promise<T> {
    const { epoch } = connection
    gatherWrites(connection.client.stream)
    const work = use(connection.client)
    inFlight++
    const settled = () => void inFlight--
    work.then(settled, settled)
    try {
      const result = await withinTime(work, connection.timeoutMs)
      judge(epoch)
      return result
    } catch (error) {
      judge(epoch, error)
      const failure = failureOf(error)
      throw failure === undefined ? error : unavailable(failure, error)
    }
  }

  return {
    get state() {
      return connection.isUp ? 'up' : 'down'
    },
    connect: connection.connect,
    async run(use, signal) {
      signal?.throwIfAborted()
      if (!connection.isUp) throw unavailable('away')
      if (inFlight >= MAX_IN_FLIGHT) throw unavailable('busy')
      return orAborted(send(use), signal)
    },
    onUp: connection.onUp,
    async close() {
      await connection.close()
      for (const remove of gauges) remove()
    },
  }
}

const corked = new WeakSet<Writable>()

/** What is written in one turn of the event loop leaves together, and is answered together. */
function gatherWrites(stream: Writable): void {
  if (corked.has(stream)) return
  corked.add(stream)
  stream.cork()
  setImmediate(() => {
    corked.delete(stream)
    stream.uncork()
  })
}

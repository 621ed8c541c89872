import { createRetryBudget, Failure, type RetryBudget } from '@tautline/shared'

import { createBreaker } from '../../platform/breaker.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { createWaitingLine } from '../../platform/waiting-line.ts'
import { UPSTREAM_UNAVAILABLE } from './failures.ts'

/** What is known about one host, and what it may take of us. */
export interface Host {
  readonly budget: RetryBudget
  /** Whether nobody uses it or waits for it. */
  readonly isIdle: boolean
  readonly running: number
  readonly waiting: number
  readonly isOpen: boolean
  /**
   * Waits for one of its connections. The caller gives it back by what this resolves to. Throws
   * `UPSTREAM_UNAVAILABLE`, caused by a `NotAdmittedError`, when too many wait already or the host
   * has failed too often; the signal's reason when that aborts first.
   */
  enter(signal: AbortSignal): Promise<() => void>
  /** Tells how a request to it has gone. */
  record(result: 'success' | 'failure'): void
}

export interface HostLimits {
  /** Connections to one host at most. */
  readonly connections: number
  /** Requests that may wait for one of them. */
  readonly queue: number
  /** Hosts remembered at most; the one not used for longest is forgotten first. */
  readonly hosts: number
}

interface HostParts {
  readonly limits: HostLimits
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

/** The hosts that are called, by their origin. */
export interface Hosts {
  of(origin: string): Host
  /** Removes the gauges. */
  close(): void
}

/** We ourselves have refused to send a request: nothing was sent, and to ask again is no use. */
export class NotAdmittedError extends Error {}

/** While a host fails, one request in so many milliseconds finds out whether it still does. */
const PROBE_EVERY_MS = 1_000

/** How long somebody should stay away for whom there was no place, in milliseconds. */
const BUSY_MS = 1_000

export function createHosts(parts: HostParts): Hosts {
  const { limits, metrics } = parts
  const hosts = new Map<string, Host>() // the one used last is the last
  const sum = (read: (host: Host) => number) =>
    [...hosts.values()].reduce((total, host) => total + read(host), 0)
  const gauges = [
    metrics.gauge('outgoing_hosts', () => hosts.size),
    metrics.gauge('outgoing_running', () => sum((host) => host.running)),
    metrics.gauge('outgoing_waiting', () => sum((host) => host.waiting)),
    metrics.gauge('outgoing_breakers_open', () => sum((host) => (host.isOpen ? 1 : 0))),
  ]

  function makeRoom(): void {
    if (hosts.size < limits.hosts) return
    for (const [origin, host] of hosts) {
      if (!host.isIdle) continue
      hosts.delete(origin)
      return
    }
    throw notAdmitted('Too many hosts are called at the same time.', BUSY_MS)
  }

  return {
    of(origin) {
      const known = hosts.get(origin)
      if (!known) makeRoom()
      const host = known ?? createHost(origin, parts)
      hosts.delete(origin)
      hosts.set(origin, host)
      return host
    },
    close() {
      for (const remove of gauges) remove()
    },
  }
}

function createHost(origin: string, { limits, clock, log }: HostParts): Host {
  const line = createWaitingLine()
  const breaker = createBreaker()
  let running = 0
  let probeAtMs = 0
  const nowMs = () => clock.now().getTime()

  async function takePlace(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (running < limits.connections) {
      running++
      return
    }
    if (line.length >= limits.queue) throw notAdmitted(`Too many wait for ${origin}.`, BUSY_MS)
    await line.join({ signal }) // the place is handed over: `running` stays
  }

  function givePlace(): void {
    if (!line.end('called')) running--
  }

  function checkBreaker(): void {
    if (!breaker.isOpen) return
    const waitMs = probeAtMs - nowMs()
    if (waitMs > 0) throw notAdmitted(`${origin} has failed too often.`, waitMs)
    probeAtMs = nowMs() + PROBE_EVERY_MS // whoever is here is the probe
  }

  return {
    budget: createRetryBudget(),
    get isIdle() {
      return running === 0 && line.length === 0
    },
    get running() {
      return running
    },
    get waiting() {
      return line.length
    },
    get isOpen() {
      return breaker.isOpen
    },
    async enter(signal) {
      await takePlace(signal)
      try {
        checkBreaker()
      } catch (error) {
        givePlace()
        throw error
      }
      return givePlace
    },
    record(result) {
      const wasOpen = breaker.isOpen
      if (wasOpen && result === 'success') breaker.reset()
      else breaker.record(result)
      if (wasOpen === breaker.isOpen) return
      probeAtMs = nowMs() + PROBE_EVERY_MS
      if (wasOpen) log.info({ origin }, 'a host answers again')
      else log.warn({ origin }, 'a host fails too often and is left alone')
    },
  }
}

function notAdmitted(message: string, retryAfterMs: number): Failure {
  const cause = new NotAdmittedError(message)
  return new Failure(UPSTREAM_UNAVAILABLE, { retryAfterMs, cause })
}

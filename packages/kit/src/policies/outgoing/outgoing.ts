import { Agent } from 'undici'
import type { z } from 'zod'

import { Failure, isFailure } from '@tautline/shared'

import { isWithinTransaction } from '../../platform/call-scope.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { createAddressGuard } from './address-guard.ts'
import { createConnector, resolveInSystem, type Resolve } from './connector.ts'
import { startDeadline } from './deadline.ts'
import { UPSTREAM_INVALID } from './failures.ts'
import { follow } from './follow.ts'
import { readUrl, type Method } from './hop.ts'
import { createHosts, type HostLimits } from './hosts.ts'
import { parseJson } from './json.ts'
import type { OutgoingResponse } from './send.ts'

export interface OutgoingRequest {
  /** Default GET. */
  readonly method?: Method
  /** They go to the origin of the URL alone; a redirect to another one leaves them behind. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Gives the call up. The signal of the running procedure call does so without being named. */
  readonly signal?: AbortSignal
  /**
   * Longest for all of it, redirects and retries included, in milliseconds. Default 10,000; never
   * more than the running procedure call has left.
   */
  readonly timeoutMs?: number
  /** Largest body, in bytes after decompression. Default 5,000,000. */
  readonly maxBytes?: number
  /** Whether it may be sent twice, and is, when no answer comes. Default: all but POST and PATCH. */
  readonly idempotent?: boolean
}

/** Calls to other services. */
export interface Outgoing {
  /**
   * Resolves to an answer with status 2xx, its body read. Throws one of `upstreamErrors`; the
   * signal's reason when the call is given up; an `Error` inside a transaction, which would hold its
   * connection and its locks for as long as somebody else is slow.
   */
  fetch(url: string | URL, request?: OutgoingRequest): Promise<OutgoingResponse>
  /** The JSON of an answer, as `schema` has it; `UPSTREAM_INVALID` when it does not fit. */
  json<S extends z.ZodType>(
    url: string | URL,
    schema: S,
    request?: OutgoingRequest,
  ): Promise<z.output<S>>
}

export interface OutgoingOptions {
  readonly metrics: Metrics
  readonly log: Logger
  readonly clock: Clock
  /** See `AddressGuardOptions`. Default: nothing but the public internet. */
  readonly allow?: readonly string[]
  /** Ports of public addresses. Default 80 and 443. */
  readonly ports?: readonly number[]
  /** Default: 20 connections to a host, 100 requests that wait for one, 1,000 hosts. */
  readonly limits?: Partial<HostLimits>
  /** Longest wait for a connection, for its headers and for the next bytes, in milliseconds. */
  readonly connectTimeoutMs?: number
  readonly headersTimeoutMs?: number
  readonly bodyTimeoutMs?: number
  /** Default: as the operating system does. */
  readonly resolve?: Resolve
}

const LIMITS: HostLimits = { connections: 20, queue: 100, hosts: 1_000 }
const TIMEOUT_MS = 10_000
const MAX_BYTES = 5_000_000

/** Set by us, or by HTTP itself. */
const OWN_HEADERS = new Set(['accept-encoding', 'content-length', 'host'])

/** The one way out of a process: it is created once, and closed at the end. */
export function createOutgoing(options: OutgoingOptions): Outgoing & { close(): Promise<void> } {
  const { metrics, log, clock } = options
  const limits = { ...LIMITS, ...options.limits }
  const agent = createAgent(options, limits)
  const hosts = createHosts({ limits, clock, log, metrics })

  async function fetch(url: string | URL, request: OutgoingRequest = {}) {
    if (isWithinTransaction()) {
      throw new Error('Outgoing HTTP inside a transaction; call before it, after it or in a task.')
    }
    const startedAt = performance.now()
    const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, method = 'GET' } = request
    const { idempotent = method !== 'POST' && method !== 'PATCH' } = request
    using deadline = startDeadline(timeoutMs, request.signal)
    let outcome = 'OK'
    try {
      const hop = { url: readUrl(url), method, headers: headersOf(request), body: request.body }
      return await follow(hop, {
        agent,
        clock,
        hosts,
        deadline,
        isIdempotent: idempotent,
        maxBytes,
      })
    } catch (error) {
      outcome = isFailure(error) ? error.reason : 'ERROR'
      log.debug({ err: error }, 'an outgoing call failed')
      throw error
    } finally {
      metrics.count('outgoing_requests_total', { outcome })
      metrics.observe('outgoing_duration_seconds', (performance.now() - startedAt) / 1_000)
    }
  }

  return {
    fetch,
    async json(url, schema, { headers, ...request } = {}) {
      const accepting = { accept: 'application/json', ...headers }
      const { bytes } = await fetch(url, { ...request, headers: accepting })
      const parsed = await schema.safeParseAsync(parseJson(bytes))
      if (!parsed.success) throw invalid(parsed.error)
      return parsed.data
    },
    async close() {
      hosts.close()
      await agent.destroy()
    },
  }
}

function createAgent(options: OutgoingOptions, limits: HostLimits): Agent {
  const { allow = [], ports = [80, 443], resolve = resolveInSystem } = options
  const { connectTimeoutMs = 5_000, headersTimeoutMs = 10_000, bodyTimeoutMs = 10_000 } = options
  return new Agent({
    connect: createConnector({
      isAllowed: createAddressGuard({ allow, ports }),
      resolve,
      timeoutMs: connectTimeoutMs,
    }),
    connections: limits.connections,
    maxOrigins: limits.hosts,
    pipelining: 1,
    headersTimeout: headersTimeoutMs,
    bodyTimeout: bodyTimeoutMs,
  })
}

function headersOf({ headers = {} }: OutgoingRequest): Record<string, string> {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  return Object.fromEntries(lower.filter(([name]) => !OWN_HEADERS.has(name)))
}

function invalid(cause: unknown): Failure {
  return new Failure(UPSTREAM_INVALID, { cause })
}

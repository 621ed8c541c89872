import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'

import { sleep } from '@tautline/shared'

import { within } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { acceptWaiting } from './backlog.ts'
import { createBodyTimer, type BodyTimer } from './body-timer.ts'
import { createClientAddress } from './client-address.ts'
import { createListener, type HttpConfig } from './listener.ts'
import { createProxyWarning } from './proxy-warning.ts'
import { securityHeaders } from './security-headers.ts'

/** One request and its answer, with what every route needs to know of it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Who sent it, seen through the trusted proxies; empty when the peer has already gone. */
  readonly address: string
  /** Lets its body take longer than that of another request may. */
  readonly takeTime: () => void
}

export type Route = (exchange: Exchange) => Promise<void> | void

export interface HttpServerOptions {
  /** Answers every request. */
  readonly route: Route
  readonly config: HttpConfig
  /** Ends what has no end of its own. Called by a stop, when nobody new is let in. */
  readonly endStreams: () => void
  readonly log: Logger
  readonly metrics: Metrics
}

/** How the last requests are let go. */
export interface DrainOptions {
  /** Unfinished requests are cut off after this, in milliseconds. */
  readonly timeoutMs: number
  /** Idle connections are closed when none has asked for this long, in milliseconds. */
  readonly quietMs: number
}

export interface HttpServer {
  listen(port: number, host: string): Promise<AddressInfo>
  readonly draining: boolean
  /**
   * Stops accepting connections, but goes on answering those that are open, each answer with
   * `Connection: close`: an idle keep-alive socket that is closed under a proxy's request is a 502.
   */
  drain(options: DrainOptions): Promise<void>
}

/** Their size alone is no bound: Node counts neither the colons nor the ends of lines. */
const MAX_HEADERS = 200

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { config, endStreams, log, metrics } = options
  const headers = securityHeaders(config)
  const server = createListener({ config, headers, metrics })
  const serve = createService(options, createBodyTimer(server, config.requestTimeoutMs))
  /** Answers under way. Left when the response closes, which happens whatever becomes of a call. */
  const open = new Set<ServerResponse>()
  let draining = false
  let lastActiveAt = 0
  const removeGauge = metrics.gauge('http_requests_in_flight', () => open.size)

  function answer(request: IncomingMessage, response: ServerResponse) {
    lastActiveAt = performance.now()
    open.add(response)
    response.once('close', () => {
      lastActiveAt = performance.now()
      open.delete(response)
    })
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (!server.listening) response.setHeader('connection', 'close')
    within({ requestId }, () => serve(request, response)).catch((error: unknown) => {
      log.error({ err: error, requestId }, 'a request failed outside any procedure')
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { error: 'Something went wrong.', requestId })
    })
  }

  server.on('request', answer)

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          const address = server.address()
          if (typeof address === 'object' && address) resolve(address)
        })
      }),
    get draining() {
      return draining
    },
    async drain({ timeoutMs, quietMs }) {
      draining = true
      // Connections are kept until then: whoever lost one would come anew.
      await acceptWaiting(server)
      lastActiveAt = performance.now()
      for (const response of open) {
        if (!response.headersSent) response.setHeader('connection', 'close')
      }
      // http's own close() would end the idle sockets at once; net's only stops listening.
      NetServer.prototype.close.call(server)
      endStreams()
      const giveUpAt = performance.now() + timeoutMs
      const settled = () => open.size === 0 && performance.now() >= lastActiveAt + quietMs
      while (!settled() && performance.now() < giveUpAt) await sleep(10)
      if (open.size > 0) log.warn({ requests: open.size }, 'requests were cut off by the stop')
      server.closeAllConnections()
      server.close(() => {}) // ends http's own timer; the listening ended above
      removeGauge()
    },
  }
}

/** Reads of a request what its route needs to know, and hands it over. */
function createService({ route, config, log }: HttpServerOptions, timer: BodyTimer) {
  const addressOf = createClientAddress(config.trustedProxies)
  const warn = createProxyWarning(config.trustedProxies, log)
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.rawHeaders.length > 2 * MAX_HEADERS) {
      return sendJson(response, 431, { error: 'There are too many headers.' })
    }
    warn(request)
    const url = parseTarget(request.url)
    const takeTime = () => timer.lift(request)
    if (url) await route({ request, response, url, address: addressOf(request), takeTime })
    else sendJson(response, 400, { error: 'The request names no path.' })
  }
}

/** The caller's own id when it has one that is safe to repeat, else a new one. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID()
}

/**
 * Only path and query count. Put together and not resolved, because `//evil/livez` resolves to the
 * page `/livez` of a host `evil`. A target with a host of its own is for proxies.
 */
function parseTarget(target = ''): URL | undefined {
  return target.startsWith('/') ? (URL.parse(`http://localhost${target}`) ?? undefined) : undefined
}

/** A page that is read and nothing else. */
export function readOnly(page: Route): Route {
  return (exchange) => {
    const { request, response } = exchange
    if (request.method === 'GET' || request.method === 'HEAD') return page(exchange)
    response.setHeader('allow', 'GET, HEAD')
    sendJson(response, 405, { error: 'This page can only be read.' })
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body, null, 2) + '\n')
}

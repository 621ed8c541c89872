import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'

import { sleep } from '@tautline/shared'

import { within } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'

/** One request and its answer, with what every route needs to know of it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
}

export type Route = (exchange: Exchange) => Promise<void> | void

export interface HttpServerOptions {
  /** Finds the route of a path, or undefined for 404. */
  readonly route: (pathname: string) => Route | undefined
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

/** Bounds on what a client can hold open. Checked every second. */
const SOCKET_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  // Above the 60 s after which nginx drops an idle upstream connection, so that it is the first.
  keepAliveTimeout: 65_000,
}

const MAX_CONNECTIONS = 10_000

export function createHttpServer({ route, log, metrics }: HttpServerOptions): HttpServer {
  /** Answers under way. Left when the response closes, which happens whatever becomes of a call. */
  const open = new Set<ServerResponse>()
  let draining = false
  let lastRequestAt = 0
  const removeGauge = metrics.gauge('http_requests_in_flight', () => open.size)

  const server = createServer(SOCKET_LIMITS, (request, response) => {
    lastRequestAt = performance.now()
    open.add(response)
    response.once('close', () => open.delete(response))
    const requestId = requestIdOf(request)
    response.setHeader('x-request-id', requestId)
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    if (draining) response.setHeader('connection', 'close')
    within({ requestId }, () => serve(request, response)).catch((error: unknown) => {
      log.error({ err: error, requestId }, 'a request failed outside any procedure')
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { error: 'Something went wrong.', requestId })
    })
  })
  server.maxConnections = MAX_CONNECTIONS

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const url = parseUrl(request.url)
    const found = url && route(url.pathname)
    if (found) await found({ request, response, url })
    else sendJson(response, url ? 404 : 400, { error: 'There is nothing here.' })
  }

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
      lastRequestAt = performance.now()
      // http's own close() would end the idle sockets at once; net's only stops listening.
      NetServer.prototype.close.call(server)
      const giveUpAt = performance.now() + timeoutMs
      const settled = () => open.size === 0 && performance.now() >= lastRequestAt + quietMs
      while (!settled() && performance.now() < giveUpAt) await sleep(10)
      if (open.size > 0) log.warn({ requests: open.size }, 'requests were cut off by the stop')
      server.closeAllConnections()
      server.close(() => {}) // ends http's own timer; the listening ended above
      removeGauge()
    },
  }
}

/** The caller's own id when it has one that is safe to repeat, else a new one. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID()
}

/** Only path and query count: the host a client names is never trusted. */
function parseUrl(target: string | undefined): URL | undefined {
  return URL.parse(target ?? '/', 'http://localhost') ?? undefined
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

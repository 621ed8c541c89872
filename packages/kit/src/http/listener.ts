import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Metrics } from '../platform/metrics.ts'
import { brokenRequestAnswer, isFreeToWrite } from './broken-request.ts'

/** What an installation says about HTTP. */
export interface HttpConfig {
  /** Host names that are answered; undefined answers to any. */
  readonly hosts: readonly string[] | undefined
  /** Origins whose pages may call: exact ones, or `['*']`. */
  readonly corsOrigins: readonly string[]
  /** Whether browsers may send cookies along from those origins. */
  readonly corsCredentials: boolean
  /** Whether browsers are told to come by TLS only, for a year. */
  readonly hsts: boolean
  /** Networks of the proxies in front, whose word on the client's address is taken. */
  readonly trustedProxies: readonly string[]
  /** Longest that the headers of a request may take to arrive, in milliseconds. */
  readonly headersTimeoutMs: number
  /**
   * Longest that the body of a request may take to arrive after its headers, in milliseconds. That of
   * a file may take longer.
   */
  readonly requestTimeoutMs: number
}

export interface ListenerOptions {
  readonly config: HttpConfig
  /** Headers of the answers to what is no request. */
  readonly headers: Readonly<Record<string, string>>
  readonly metrics: Metrics
}

/** Bounds on what a client can hold open, beside the timeouts, which are checked every second. */
const LIMITS = {
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
  insecureHTTPParser: false, // whatever NODE_OPTIONS says
  // Above the 60 s after which nginx drops an idle upstream connection, so that it is the first.
  keepAliveTimeout: 65_000,
}

const MAX_CONNECTIONS = 10_000

/** Node's HTTP server within our bounds. `request` brings everything that could be read as one. */
export function createListener({ config, headers, metrics }: ListenerOptions): Server {
  const server = createServer({
    ...LIMITS,
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: 0, // `body-timer.ts` has exceptions
  })
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = 0 // beyond a count Node hides headers in silence; we refuse them
  // An expectation that we do not know is neither met nor refused.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  refuseBrokenRequests(server, { headers, metrics })
  countConnections(server, metrics)
  return server
}

/** What is no request, or takes too long to become one, gets a short answer and loses its socket. */
function refuseBrokenRequests(
  server: Server,
  { headers, metrics }: Omit<ListenerOptions, 'config'>,
): void {
  const last = new WeakMap<Duplex, ServerResponse>()
  server.on('request', ({ socket }, response) => last.set(socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (isFreeToWrite(socket, last.get(socket))) {
      const { status, text } = brokenRequestAnswer(error, headers)
      metrics.count('http_broken_requests_total', { status: String(status) })
      socket.write(text)
    }
    socket.destroy()
  })
}

/** Sees the open sockets, those included that have not brought a request yet. */
function countConnections(server: Server, metrics: Metrics): void {
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    socket.once('close', () => connections--)
  })
  server.once(
    'close',
    metrics.gauge('http_connections', () => connections),
  )
}

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Route } from './server.ts'

/** Which pages of other origins may call. */
export interface CorsPolicy {
  /** Exact origins, `['*']` for every one, or none. */
  readonly origins: readonly string[]
  /** Whether a browser may send cookies along. Never together with `*`. */
  readonly credentials: boolean
}

/** Request headers that a browser may send without our knowing more of it. */
const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'if-range',
  'last-event-id',
  'range',
  'traceparent',
  'tracestate',
  'trpc-accept',
  'x-deadline-ms',
  'x-request-id',
]

/** Headers of an answer that a page of another origin may read. */
const EXPOSED_HEADERS = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Server-Timing',
  'X-Request-Id',
]

/** How long a browser may go without asking again, in seconds. */
const MAX_AGE_SECONDS = 3_600

/**
 * Answers browsers that ask whether a page of another origin may call (Fetch standard, 3.2), and
 * marks the answers that such a page may read. An origin that is not listed gets no CORS header at
 * all, and its preflight is as unknown a method as any. Throws for `*` with credentials.
 */
export function withCors(policy: CorsPolicy, route: Route): Route {
  if (policy.origins.length === 0) return route
  const any = policy.origins.includes('*')
  if (any && policy.credentials) {
    throw new Error('CORS cannot allow every origin and credentials at once.')
  }
  const known = new Set(policy.origins)

  return (exchange) => {
    const { request, response } = exchange
    const { origin } = request.headers
    // Caches must know, also by the answers to those who sent no origin.
    if (!any) response.setHeader('vary', 'origin')
    if (origin === undefined || !(any || known.has(origin))) return route(exchange)
    response.setHeader('access-control-allow-origin', any ? '*' : origin)
    response.setHeader('cross-origin-resource-policy', 'cross-origin')
    if (policy.credentials) response.setHeader('access-control-allow-credentials', 'true')
    if (isPreflight(request)) return answerPreflight(response)
    response.setHeader('access-control-expose-headers', EXPOSED_HEADERS.join(', '))
    return route(exchange)
  }
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

function answerPreflight(response: ServerResponse): void {
  response.statusCode = 204
  response.setHeader('access-control-allow-methods', 'GET, POST')
  response.setHeader('access-control-allow-headers', REQUEST_HEADERS.join(', '))
  response.setHeader('access-control-max-age', MAX_AGE_SECONDS)
  response.end()
}

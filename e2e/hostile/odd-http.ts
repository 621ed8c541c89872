import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import fc from 'fast-check'

import type { HttpRequest } from './hostile-request.ts'
import { MARKER } from './hostile-text.ts'

type Twist = (request: HttpRequest) => HttpRequest

const method =
  (name: string): Twist =>
  (request) => ({ ...request, method: name })

const header =
  (name: string, value: string): Twist =>
  (request) => ({ ...request, headers: { ...request.headers, [name]: value } })

const query =
  (text: string): Twist =>
  (request) => ({
    ...request,
    target: `${request.target}${request.target.includes('?') ? '&' : '?'}${text}`,
  })

/** A path that names no procedure, so that nothing is known of what answers. */
const path =
  (change: (target: string) => string): Twist =>
  (request) => ({ ...request, calls: [], target: change(request.target) })

const compressed = await promisify(gzip)('{"json":"' + 'a'.repeat(1_000_000) + '"}')

/** Valid calls, with something about their HTTP that is not usual. */
const twists: Twist[] = [
  (request) => ({ ...request, method: request.method === 'GET' ? 'POST' : 'GET' }),
  (request) => ({ ...request, method: 'GET', body: undefined }),
  (request) => ({ ...request, method: 'HEAD' }),
  ...['OPTIONS', 'TRACE', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'PURGE'].map(method),
  ...['text/plain', 'multipart/form-data; boundary=x', 'application/octet-stream', ''].map((type) =>
    header('content-type', type),
  ),
  header('content-type', `application/json; charset=${MARKER}`),
  header('content-type', 'application/x-www-form-urlencoded'),
  header('content-type', 'APPLICATION/JSON; Charset="UTF-8"'),
  (request) => ({ ...header('content-encoding', 'gzip')(request), body: compressed }),
  header('trpc-accept', 'application/jsonl'),
  header('accept', 'text/event-stream'),
  header('x-http-method-override', 'DELETE'),
  header('x-forwarded-for', `127.0.0.1, ${MARKER}`),
  header('x-forwarded-host', MARKER),
  header('forwarded', 'for="[::1]";host=a'),
  header('origin', `https://${MARKER}.example`),
  header('cookie', `a=${'b'.repeat(4_000)}; __proto__=${MARKER}`),
  header('__proto__', MARKER),
  header('host', `${MARKER}.example:99999`),
  header('host', 'a b'),
  header('x-request-id', `${MARKER}-${'a'.repeat(500)}`),
  header('last-event-id', MARKER),
  header('range', 'bytes=0-1,2-3'),
  header('if-none-match', '*'),
  header('traceparent', `00-${'f'.repeat(32)}-${'f'.repeat(16)}-01`),
  query('input=1&input=2'),
  query('batch=1'),
  query('batch=1&batch=0'),
  query(`connectionParams=${encodeURIComponent(`{"a":"${MARKER}"}`)}`),
  query('lastEventId=%00'),
  query('__proto__[a]=1&constructor=1'),
  query(`a=${'%F0%9F'.repeat(100)}`),
  (request) => ({ ...request, target: request.target.replace('.', '%2E') }),
  path((target) => target.replace('.', '..')),
  path((target) => target.replace('/rpc/', '/rpc/%2e%2e/')),
  path((target) => target.replace('/rpc/', '//rpc//')),
  path((target) => target.replace(/[?].*|$/, '/../../x')),
  path(() => `/rpc/${','.repeat(9_000)}?batch=1`),
  path(() => `/rpc/${MARKER}`),
  path(() => '/rpc/__proto__'),
  path(() => '/rpc/constructor.prototype.toString'),
  path(() => '/rpc/items.get.call'),
  path(() => '/rpc/%E0%A4%A'),
  path(() => `/rpc/${'a'.repeat(10_000)}`),
  path(() => `/${MARKER}?a=%zz`),
]

export function oddHttp(requests: fc.Arbitrary<HttpRequest>): fc.Arbitrary<HttpRequest> {
  return fc
    .tuple(requests, fc.constantFrom(...twists))
    .map(([request, twist]) => ({ ...twist(request), kind: 'odd HTTP' }))
}

import fc from 'fast-check'

import type { HttpRequest, SocketRequest } from './hostile-request.ts'
import { MARKER } from './hostile-text.ts'

/** A request in its parts, for tampering. */
interface Parts {
  readonly line: string
  /** Without lengths, encodings and the empty line; each ends its line. */
  readonly headers: string
  readonly body: Buffer
}

type Tamper = (parts: Parts) => string | Buffer

const head = ({ line, headers }: Parts, more = '') => `${line}\r\n${headers}${more}\r\n`

const framed =
  (more: (length: number) => string): Tamper =>
  (parts) =>
    Buffer.concat([Buffer.from(head(parts, more(parts.body.length))), parts.body])

const chunked =
  (encode: (body: string) => string): Tamper =>
  (parts) =>
    head(parts, 'Transfer-Encoding: chunked\r\n') + encode(parts.body.toString('latin1'))

const hex = (body: string) => body.length.toString(16)

/** Bytes that a lenient reader and a strict one understand in different ways. */
const tampers: Tamper[] = [
  framed((length) => `Content-Length: ${length}\r\nContent-Length: 2\r\n`),
  framed((length) => `Content-Length: ${length}\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Content-Length: ${length}, ${length}\r\n`),
  framed((length) => `Content-Length: +${length}\r\n`),
  framed((length) => `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`),
  framed((length) => `Transfer-Encoding: chunked\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Transfer-Encoding: xchunked\r\nContent-Length: ${length}\r\n`),
  framed((length) => `X-A: b\r\n c: ${MARKER}\r\nContent-Length: ${length}\r\n`),
  framed((length) => `X-A: b\nContent-Length: ${length}\r\n`),
  framed((length) => `X-A: ${MARKER}\0\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Content-Length : ${length}\r\n`),
  framed((length) => `__proto__: a\r\nconstructor: b\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Expect: 100-continue\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Expect: ${MARKER}\r\nContent-Length: ${length}\r\n`),
  framed((length) => `Upgrade: websocket\r\nContent-Length: ${length}\r\n`),
  framed((length) => `${'a:\r\n'.repeat(300)}Content-Length: ${length}\r\n`),
  framed((length) => `X-A: ${'a'.repeat(20_000)}\r\nContent-Length: ${length}\r\n`),
  framed(() => 'Content-Length: 99999999999999999999999\r\n'),
  framed(() => 'Content-Length: 2000000\r\nExpect: 100-continue\r\n'),
  chunked((body) => `${hex(body)}\r\n${body}\r\n0\r\n\r\n`),
  chunked((body) => `${hex(body)};a="${MARKER}"\r\n${body}\r\n0\r\nHost: evil\r\n\r\n`),
  chunked((body) => `${hex(body)}\n${body}\r\n0\r\n\r\n`),
  chunked((body) => `-1\r\n${body}\r\n0\r\n\r\n`),
  chunked((body) => `ffffffffffffffffff\r\n${body}\r\n0\r\n\r\n`),
  chunked((body) => `1;${'a'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`),
  chunked((body) => body.replaceAll(/[^]/g, (byte) => `1\r\n${byte}\r\n`) + '0\r\n\r\n'),
  (parts) => head(parts).replaceAll('\r\n', '\n'),
  (parts) => head({ ...parts, line: 'TRACE / HTTP/1.1' }),
  (parts) => head({ ...parts, line: 'CONNECT internal:443 HTTP/1.1' }),
  (parts) => head({ ...parts, line: 'OPTIONS * HTTP/1.1' }),
  (parts) => head({ ...parts, line: `${MARKER} / HTTP/1.1` }),
  (parts) => head({ ...parts, line: 'GET http://evil.example/rpc/auth.me HTTP/1.1' }),
  (parts) => head({ ...parts, line: `GET /rpc/${','.repeat(100_000)}?batch=1 HTTP/1.1` }),
  (parts) => head({ ...parts, line: 'GET /rpc/auth\0me HTTP/1.1' }),
  (parts) => Buffer.from(head({ ...parts, line: 'GET /rpc/\xff\xfe HTTP/1.1' }), 'latin1'),
  (parts) => head({ ...parts, line: 'GET / HTTP/9.9' }),
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  () => Buffer.from('1603010200010001fc0303', 'hex'),
  ({ body }) => Buffer.concat([Buffer.from('\r\n'), body, Buffer.from('\r\n\r\n')]),
]

/** Requests that only a socket can send, made of valid ones. */
export function rawBytes(requests: fc.Arbitrary<HttpRequest>): fc.Arbitrary<SocketRequest> {
  return fc
    .tuple(requests, fc.constantFrom(...tampers), fc.constantFrom(1, 1, 2, 20))
    .map(([request, tamper, pieces]) => ({
      via: 'socket',
      kind: 'raw bytes',
      bytes: Buffer.from(tamper(partsOf(request))),
      pieces,
      closing: 'server',
    }))
}

/** Callers who leave: in the middle of their headers or body, or before the answer. */
export function aborted(requests: fc.Arbitrary<HttpRequest>): fc.Arbitrary<SocketRequest> {
  const closing = fc.constantFrom('half-close' as const, 'reset' as const)
  const shares = fc.constantFrom(0.1, 0.3, 0.6, 0.9, 0.99, 1)
  return fc.tuple(requests, shares, closing).map(([request, share, how]) => {
    const whole = Buffer.from(framed((length) => `Content-Length: ${length}\r\n`)(partsOf(request)))
    const bytes = whole.subarray(0, Math.ceil(whole.length * share))
    return { via: 'socket', kind: 'aborted', bytes, pieces: 2, closing: how }
  })
}

function partsOf({ method, target, headers, body = '' }: HttpRequest): Parts {
  const lines = Object.entries({ host: 'a', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return {
    line: `${method} ${target} HTTP/1.1`,
    headers: lines.join(''),
    body: Buffer.from(body),
  }
}

import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** What Node's parser and timers say of a request that never became one. */
const ANSWERS: Readonly<Record<string, [status: number, error: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The body is too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
}

const OTHERWISE: [status: number, error: string] = [400, 'This is not HTTP.']

/** The answer to bytes that are no request, as text: the same headers and shape as every other. */
export function brokenRequestAnswer(
  error: NodeJS.ErrnoException,
  headers: Readonly<Record<string, string>>,
): { readonly status: number; readonly text: string } {
  const [status, message] = ANSWERS[error.code ?? ''] ?? OTHERWISE
  const requestId = randomUUID()
  const body = JSON.stringify({ error: message, requestId }, null, 2) + '\n'
  const lines = Object.entries({
    ...headers,
    'x-request-id': requestId,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
  return { status, text }
}

/**
 * Whether raw text may be written to a socket, whose last response this is: not into the middle of
 * an answer, nor before one that is still to come, nor after one that said it was the last.
 */
export function isFreeToWrite(socket: Duplex, last: ServerResponse | undefined): boolean {
  if (!socket.writable) return false
  if (!last) return true
  if (last.writableFinished) return last.getHeader('connection') !== 'close'
  return last.socket === socket && !last.headersSent
}

import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'

import type { HostileRequest, HttpRequest, SocketRequest } from './hostile-request.ts'

/** Longest wait for the server to close a socket, in milliseconds. */
const PATIENCE_MS = 20_000

/** For how long a stream is read, in milliseconds: it may have no end. */
const STREAM_MS = 200

export interface Answer {
  /** In their order; none when the server closed without a word, which is an answer as well. */
  readonly statuses: readonly number[]
  /** The body; of a socket, everything. */
  readonly text: string
  /** Why there is no answer that could be read, when it was not closed without a word. */
  readonly broken?: string
}

export interface Sender extends Disposable {
  /** Never rejects: no answer is an answer that is broken. */
  send(request: HostileRequest): Promise<Answer>
}

export function createSender(url: string): Sender {
  const agent = new Agent({ keepAlive: true })
  return {
    send: (request) =>
      request.via === 'http' ? sendHttp(url, request, agent) : sendBytes(url, request),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function sendHttp(url: string, request: HttpRequest, agent: Agent): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const { method, target, body, headers } = request
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(silence(error))
    const options = { hostname, port, method, path: target, headers, agent, timeout: PATIENCE_MS }
    const sent = httpRequest(options, (response) => {
      const { statusCode = 0 } = response
      const answered = (said: string) => resolve({ statuses: [statusCode], text: said })
      const content = isStream(response) ? beginningOf(response) : text(response)
      content.then(answered, failed)
    })
    sent.on('timeout', () => sent.destroy(new Error(`No answer to ${method} ${target}.`)))
    sent.on('error', failed)
    sent.end(body)
  })
}

function isStream({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('text/event-stream') ?? false
}

/** What a stream says at once; then its reader leaves. */
async function beginningOf(stream: IncomingMessage): Promise<string> {
  let said = ''
  const leaving = setTimeout(() => stream.destroy(), STREAM_MS)
  try {
    for await (const chunk of stream) said += String(chunk)
  } catch (error) {
    if (!stream.destroyed) throw error
  } finally {
    clearTimeout(leaving)
  }
  return said
}

/** A close is not broken: the server may refuse a body while it is still being sent. */
function silence({ code, message }: NodeJS.ErrnoException): Answer {
  const isClose = code === 'ECONNRESET' || code === 'EPIPE'
  return { statuses: [], text: '', ...(!isClose && { broken: message }) }
}

function sendBytes(url: string, request: SocketRequest): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    let broken: string | undefined
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('The socket stays open.')))
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.on('error', (error) => (broken = silence(error).broken))
    socket.on('close', () => {
      const statuses = statusesOf(answer)
      resolve({ statuses, text: answer, ...(broken !== undefined && { broken }) })
    })
    socket.once('connect', () => {
      write(socket, request).catch((error: unknown) => socket.destroy(new Error(String(error))))
    })
  })
}

async function write(
  socket: ReturnType<typeof connect>,
  { bytes, pieces, closing }: SocketRequest,
): Promise<void> {
  const size = Math.ceil(bytes.length / pieces)
  for (let from = 0; from < bytes.length && socket.writable; from += size) {
    socket.write(bytes.subarray(from, from + size))
    await setImmediate() // so that a piece is a packet
  }
  if (closing === 'half-close') socket.end()
  if (closing === 'reset') socket.resetAndDestroy()
}

function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100)
}

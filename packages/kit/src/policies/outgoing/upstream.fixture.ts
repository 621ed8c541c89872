import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { Writable } from 'node:stream'

import { systemClock } from '../../platform/clock.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createOutgoing, type OutgoingOptions } from './outgoing.ts'

/** A service that somebody else runs: a real server on a loopback address. */
export async function startUpstream(answer: RequestListener, address = '127.0.0.1', port = 0) {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  server.on('connection', (socket) => {
    connections++
    socket.on('error', () => {}) // the other end may go at any time
  })
  server.listen(port, address)
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('It has no port.')
  const host = `${address.includes(':') ? `[${address}]` : address}:${bound.port}`
  return {
    url: `http://${host}`,
    host,
    port: bound.port,
    requests,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The real thing, with its metrics and its log at hand. */
export function outgoingTo(allow: readonly string[], options: Partial<OutgoingOptions> = {}) {
  const metrics = createMetrics()
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const log = createLogger('debug', output)
  const outgoing = createOutgoing({ metrics, log, clock: systemClock, allow, ...options })
  const gauge = (name: string) => metrics.snapshot().gauges[`outgoing_${name}`]
  return {
    ...outgoing,
    metrics,
    gauge,
    lines,
    [Symbol.asyncDispose]: () => outgoing.close(),
  }
}

/** The reason of the failure that a call ends with. */
export async function reasonOf(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => 'no failure',
    (caught: unknown) => caught,
  )
  return error instanceof Error && 'reason' in error ? error.reason : error
}

import type { IncomingMessage, Server } from 'node:http'

/** Ends requests whose bodies take too long to arrive. */
export interface BodyTimer {
  /** Lets this one take as long as it takes; whoever lifts it watches the body by other means. */
  lift(request: IncomingMessage): void
}

/**
 * Node's own limit knows no exception: a file may well take an hour. The time is from the end of a
 * request's headers, and once more from an answer that was not waiting for all of the body; a request
 * that takes longer ends as by that limit.
 */
export function createBodyTimer(server: Server, timeoutMs: number): BodyTimer {
  const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>()
  const lift = (request: IncomingMessage) => clearTimeout(timers.get(request))

  server.on('request', (request, response) => {
    if (!hasBody(request)) return
    const { socket } = request
    const isComing = () => !request.complete && !socket.destroyed
    const expire = () => {
      if (isComing()) server.emit('clientError', timedOut(), socket)
    }
    const start = () => timers.set(request, setTimeout(expire, timeoutMs).unref())
    start()
    response.once('close', () => {
      lift(request)
      // Once the answer is out nobody else watches the rest of the body.
      if (isComing()) start()
    })
  })
  return { lift }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** What Node says by itself. */
function timedOut(): Error {
  return Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
}

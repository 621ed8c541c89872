import { connect } from 'node:net'

import type { PoolClient } from 'pg'

/** Cancel requests under way at once; a storm of aborted calls must not become one of connections. */
const MAX_CANCELS = 4

/** A cancel request that could not be delivered by then is given up. */
const CANCEL_TIMEOUT_MS = 2_000

/** First word of a CancelRequest message (PostgreSQL protocol 3.0, "Canceling Requests"). */
const CANCEL_REQUEST_CODE = 80_877_102

/** Asks Postgres to stop what a connection is doing. */
export interface QueryCanceller {
  /** Resolves when the request has been delivered, or could not be. */
  cancel(client: PoolClient): Promise<void>
}

/**
 * Cancels by the protocol's CancelRequest, on a socket of its own, with the key that the session
 * was given: unlike `pg_cancel_backend(pid)` it reaches the right session through a PgBouncer too,
 * whose clients never see the server's real pid.
 */
export function createQueryCanceller(): QueryCanceller {
  let running = 0
  const waiting: (() => void)[] = []

  return {
    async cancel(client) {
      if (running >= MAX_CANCELS) await new Promise<void>((resolve) => waiting.push(resolve))
      running++
      try {
        await sendCancelRequest(client)
      } finally {
        running--
        waiting.shift()?.()
      }
    },
  }
}

/** What pg knows of a session and does not declare in its types. */
function sessionOf(client: object) {
  if (!('host' in client && 'port' in client)) return undefined
  if (!('processID' in client && 'secretKey' in client)) return undefined
  const { host, port, processID, secretKey } = client
  if (typeof host !== 'string' || typeof port !== 'number') return undefined
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return undefined
  return { host, port, processID, secretKey }
}

function sendCancelRequest(client: PoolClient): Promise<void> {
  const session = sessionOf(client)
  if (!session) return Promise.resolve()
  const { host, port, processID, secretKey } = session
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(CANCEL_REQUEST_CODE, 4)
  message.writeInt32BE(processID, 8)
  message.writeInt32BE(secretKey, 12)
  return new Promise((resolve) => {
    const socket = host.startsWith('/')
      ? connect(`${host}/.s.PGSQL.${port}`)
      : connect({ host, port })
    socket.setTimeout(CANCEL_TIMEOUT_MS, () => socket.destroy())
    socket.on('error', () => {}) // the server is gone: nothing is left to cancel
    // The server closes the socket when it has passed it on. We never do so before: a PgBouncer
    // that is still on its way to Postgres takes the end of its client for the end of the request,
    // and 1.18 exits ("bad client state: 0").
    socket.on('close', () => resolve())
    socket.on('connect', () => socket.write(message))
  })
}

import { once } from 'node:events'

import { Redis as RedisClient } from 'ioredis'

import type { Logger } from '../logger.ts'
import { withinTime } from './within-time.ts'

/** How this process reaches Redis. */
export interface RedisConfig {
  /** `redis://`, or `rediss://` for TLS; user and password of an ACL in it. */
  readonly url: string
  /** Stands before every key. */
  readonly keyPrefix: string
  /** What one use may take, in milliseconds; 150 by default. */
  readonly timeoutMs?: number | undefined
}

/** Called with each new connection. */
export type UpListener = (client: RedisClient) => Promise<unknown>

/** The one connection, again and again. */
export interface Connection {
  readonly client: RedisClient
  readonly timeoutMs: number
  readonly isUp: boolean
  /** Another number for each connection. */
  readonly epoch: number
  /** Begins to connect, for good. Resolves when it is up or the first try has failed. */
  readonly connect: () => Promise<void>
  readonly onUp: (listener: UpListener) => void
  /** Lets go of a connection, with all that waits on it. The next one is the probe. */
  readonly drop: (cause: unknown) => void
  readonly close: () => Promise<void>
}

/** What one use may take where the configuration does not say, in milliseconds. */
const TIMEOUT_MS = 150

/** Before the next try: about once a second, and not all processes at the same time. */
const RETRY_MS = { least: 500, most: 1_000 }

/** Longest wait for a connection to be there, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000

/** Longest wait for a connection to end, in milliseconds; one that hangs does not by itself. */
const DISCONNECT_TIMEOUT_MS = 200

/** Up is: a new connection has answered within time, and so have all listeners. */
export function createConnection(config: RedisConfig, log: Logger): Connection {
  const client = createClient(config)
  const { timeoutMs = TIMEOUT_MS } = config
  const listeners: UpListener[] = []
  const firstTry = Promise.withResolvers<void>()
  let told: boolean | undefined
  let epoch = 0

  function tell(isUp: boolean, cause?: unknown): void {
    if (told === isUp) return
    told = isUp
    if (isUp) log.info('Redis is there')
    else log.warn({ err: cause }, 'Redis is away; it is tried again every second')
  }

  function drop(cause: unknown): void {
    tell(false, cause)
    client.disconnect(true)
  }

  async function bringUp(): Promise<void> {
    const mine = ++epoch
    try {
      await withinTime(client.ping(), timeoutMs)
      for (const listener of listeners) await withinTime(listener(client), timeoutMs)
      if (mine === epoch) tell(true)
    } catch (error) {
      if (mine === epoch) drop(error)
    }
    firstTry.resolve()
  }

  // Nobody listening would print it; a connection that cannot be had tells of itself here alone.
  client.on('error', (error) => tell(false, error))
  client.on('ready', () => void bringUp().catch(() => {})) // it has caught everything
  client.on('close', () => {
    epoch++
    tell(false)
    firstTry.resolve()
  })

  return {
    client,
    timeoutMs,
    get isUp() {
      return told === true
    },
    get epoch() {
      return epoch
    },
    async connect() {
      client.connect().catch(() => {}) // told by the events
      await firstTry.promise
    },
    onUp: (listener) => void listeners.push(listener),
    drop,
    close: () => end(client),
  }
}

/** No command is kept for later, and none is sent twice. */
function createClient({ url, keyPrefix, timeoutMs = 0 }: RedisConfig): RedisClient {
  return new RedisClient(url, {
    keyPrefix,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false, // asked by the ping
    disableClientInfo: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // The limit of the first words of a connection; a use has one of its own.
    commandTimeout: Math.max(CONNECT_TIMEOUT_MS, timeoutMs),
    retryStrategy: () => RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least),
  })
}

async function end(client: RedisClient): Promise<void> {
  if (client.status === 'end') return
  // Between two connections there is nothing that ends.
  const signal = AbortSignal.timeout(
    client.status === 'reconnecting' ? 0 : 2 * DISCONNECT_TIMEOUT_MS,
  )
  const ended = once(client, 'end', { signal }).catch(() => {})
  client.disconnect()
  await ended
}

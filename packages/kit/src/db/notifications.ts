import { Client, type Notification } from 'pg'

import { backoffMs, sleep } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { startLoop } from '../platform/supervised-loop.ts'
import type { DatabaseConfig } from './pool.ts'
import { createRinger, type Message } from './ringer.ts'

/** A round trip that asks for nothing. */
const SIGN_OF_LIFE = 'select'

/** A transaction of its own, and so short that hardly anybody waits for it. */
const RING = `select count(pg_notify(channel, payload))
  from unnest($1::text[], $2::text[]) as message (channel, payload)`

/** Longest wait for whoever holds up all who ring, in milliseconds: signs of life must get through. */
const LOCK_TIMEOUT_MS = 1_000

/** Longest for what still rings at the end, in milliseconds. */
const FLUSH_TIMEOUT_MS = 500

/** Longest wait for a connection, and for an answer on it, in milliseconds. */
const TIMEOUT_MS = 2_000

/** Between two signs of life, in milliseconds. */
const PING_EVERY_MS = 1_000

/** Before the next try to connect. */
const BACKOFF = { baseMs: 100, capMs: 2_000 }

/** What somebody wants to hear. */
export interface NotificationListener {
  onMessage(payload: string): void
  /** Called when the channel is heard (again), before its state is `up`: messages may be missing. */
  onUp(): void
}

export interface Subscription {
  /** `up` while what is told now is heard. */
  readonly state: 'up' | 'down'
  close(): void
}

/** What Postgres tells by NOTIFY. A message is a hint, and never the data. */
export interface Notifications {
  listen(channel: string, listener: NotificationListener): Subscription
  /**
   * Tells all who listen to a channel, this process among them, within milliseconds. Never waits, and
   * never fails: a message may be lost with the connection.
   */
  ring(channel: string, payload: string): void
  /** Ends the connection, within a second. */
  readonly stop: () => Promise<void>
}

interface Listening {
  readonly channel: string
  readonly listener: NotificationListener
  /** The line that hears it. */
  on: Line | undefined
}

/** The connection. */
interface Line {
  readonly client: Client
  /** Aborts when the connection is gone. */
  readonly broken: AbortSignal
  /** One statement after the other. */
  readonly say: (statement: string, values?: unknown[]) => Promise<unknown>
}

export interface NotificationsOptions {
  readonly log: Logger
  readonly metrics: Metrics
}

/**
 * Listens and rings on one connection of this process, around any pooler; a broken one is replaced
 * within two seconds of Postgres being back. It is asked for a sign of life every second: on a network
 * that goes silent, messages are missed for three seconds at most before the state is `down`. The gauge
 * `db_notifications_up` is 1 while there is a connection.
 */
export function startNotifications(
  config: DatabaseConfig,
  { log, metrics }: NotificationsOptions,
): Notifications {
  const ears = createEars()
  const ringer = createRinger({ log, metrics })
  let failures = 0
  const removeGauge = metrics.gauge('db_notifications_up', () => (ears.line ? 1 : 0))

  const loop = startLoop({
    name: 'notifications',
    everyMs: 0,
    log,
    metrics,
    run: async (signal) => {
      try {
        await hold(createLine(config), signal)
      } catch (error) {
        if (signal.aborted) return
        metrics.count('db_notifications_lost_total')
        log.warn({ err: error }, 'the connection that listens broke')
        await sleep(backoffMs(failures++, BACKOFF), { signal })
      }
    },
  })

  /** Uses one connection until it breaks. */
  async function hold(line: Line, signal: AbortSignal): Promise<void> {
    line.broken.addEventListener('abort', () => ears.lose(line), { once: true })
    const ended = AbortSignal.any([signal, line.broken])
    try {
      await orAborted(line.client.connect(), ended)
      await orAborted(ears.find(line), ended)
      ringer.use((messages) => line.say(RING, valuesOf(messages)))
      failures = 0
      for (;;) {
        await sleep(PING_EVERY_MS, { signal: ended })
        await orAborted(line.say(SIGN_OF_LIFE), ended)
      }
    } finally {
      ringer.use(undefined)
      ears.lose(line)
      // Not waited for: on a network that has gone silent it takes for ever.
      line.client.end().catch(() => {})
    }
  }

  return {
    listen: (channel, listener) => ears.listen(channel, listener),
    ring: (channel, payload) => ringer.ring({ channel, payload }),
    async stop() {
      await orAborted(ringer.flush(), AbortSignal.timeout(FLUSH_TIMEOUT_MS)).catch(() => {})
      await loop.stop()
      removeGauge()
      ringer.close()
    },
  }
}

function valuesOf(messages: readonly Message[]): unknown[] {
  return [messages.map(({ channel }) => channel), messages.map(({ payload }) => payload)]
}

/** Who wants to hear what, on the line that there is. */
function createEars() {
  const listening = new Set<Listening>()
  let line: Line | undefined

  async function hear(on: Line, one: Listening): Promise<void> {
    await on.say(`listen ${on.client.escapeIdentifier(one.channel)}`)
    if (line !== on || one.on === on || !listening.has(one)) return
    one.listener.onUp()
    one.on = on
  }

  function tell(on: Line, { channel, payload = '' }: Notification): void {
    for (const one of listening) {
      if (one.on === on && one.channel === channel) one.listener.onMessage(payload)
    }
  }

  return {
    get line() {
      return line
    },
    async find(found: Line): Promise<void> {
      line = found
      found.client.on('notification', (notification) => tell(found, notification))
      for (const one of listening) await hear(found, one)
    },
    /** A line that ended late must not take the one that has replaced it along. */
    lose(lost: Line): void {
      if (line !== lost) return
      line = undefined
      for (const one of listening) one.on = undefined
    },
    listen(channel: string, listener: NotificationListener): Subscription {
      const one: Listening = { channel, listener, on: undefined }
      listening.add(one)
      const on = line
      if (on) hear(on, one).catch((error: unknown) => on.client.emit('error', error))
      return {
        get state() {
          return one.on ? 'up' : 'down'
        },
        close: () => void listening.delete(one),
      }
    },
  }
}

function createLine(config: DatabaseConfig): Line {
  const client = new Client({
    connectionString: config.directUrl ?? config.url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    keepAlive: true,
  })
  const broken = new AbortController()
  client.on('error', (error) => broken.abort(error))
  client.on('end', () => broken.abort(new Error('The connection that listens was ended.')))
  let last: Promise<unknown> = Promise.resolve()
  function say(statement: string, values?: unknown[]) {
    const said = last.then(() => client.query(statement, values))
    last = said.catch(() => {})
    return said
  }
  return { client, broken: broken.signal, say }
}

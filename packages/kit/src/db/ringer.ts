import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'

import { sleep } from '@tautline/shared'

import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'

/** What those who listen to a channel are told. */
export interface Message {
  readonly channel: string
  readonly payload: string
}

/** Tells, in one statement. */
export type Tell = (messages: readonly Message[]) => Promise<unknown>

export interface RingerParts {
  readonly log: Logger
  readonly metrics: Metrics
}

/** Tells messages as soon as it can, those of a moment together. */
export interface Ringer {
  /** Never waits, and never fails: beyond a bound, messages are lost. The same one twice is one. */
  ring(message: Message): void
  /** Tells by this from now on; without any, messages wait. */
  use(tell: Tell | undefined): void
  /** Resolves when what has rung is told, or nobody is there to tell it. */
  flush(): Promise<void>
  /** Forgets its gauge. */
  close(): void
}

/** From one statement to the next, in milliseconds: what rings until then goes together. */
const GATHER_MS = 5

/** Messages that wait, at most. */
const MAX_WAITING = 10_000

/**
 * Messages that were not told are counted as `db_rings_lost_total`; the gauge `db_rings_waiting` has those
 * that are still to be told.
 */
export function createRinger({ log, metrics }: RingerParts): Ringer {
  const waiting = new Map<string, Message>()
  let tell: Tell | undefined
  let telling: Promise<void> | undefined
  /** Nobody's call: who rings first would be kept for as long as others ring. */
  const outside = AsyncLocalStorage.snapshot()
  const removeGauge = metrics.gauge('db_rings_waiting', () => waiting.size)

  /** All that waits, once somebody can tell it. */
  function take(): readonly Message[] {
    if (!tell) return []
    const messages = [...waiting.values()]
    waiting.clear()
    return messages
  }

  /** One statement after the other. */
  async function tellAll(): Promise<void> {
    await setImmediate() // what rings for one commit goes together
    for (let messages = take(); messages.length > 0; messages = take()) {
      try {
        await tell?.(messages)
      } catch (error) {
        metrics.count('db_rings_lost_total', undefined, messages.length)
        log.warn({ err: error, messages: messages.length }, 'those who listen could not be told')
      }
      await sleep(GATHER_MS)
    }
  }

  function begin(): void {
    if (telling || !tell || waiting.size === 0) return
    telling = outside(tellAll).finally(() => {
      telling = undefined
      begin()
    })
  }

  return {
    ring(message) {
      if (waiting.size >= MAX_WAITING) {
        metrics.count('db_rings_lost_total')
        return
      }
      waiting.set(`${message.channel} ${message.payload}`, message)
      begin()
    },
    use(next) {
      tell = next
      begin()
    },
    async flush() {
      await telling
    },
    close: removeGauge,
  }
}

import { setImmediate } from 'node:timers/promises'

import { withDeadline } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import type { Boss, Delivery } from './boss.ts'
import type { Task } from './definition.ts'

/** Longest for one statement, in milliseconds. */
const TIMEOUT_MS = 10_000

/** Jobs that one fetch takes at most. */
const MAX_BATCH = 50

export interface PumpParts {
  readonly task: Pick<Task, 'name' | 'concurrency'>
  readonly boss: Pick<Boss, 'fetch' | 'giveBack'>
  readonly log: Logger
  /** Works on a delivery; resolves when its place is free. Never rejects. */
  readonly work: (delivery: Delivery) => Promise<void>
}

/** Takes jobs of one task from its queue, as many at a time as may run. */
export interface Pump {
  /** Says that there may be jobs. Never waits. */
  wake(): void
  /** Takes no more; resolves when what was just being taken is given back. */
  stop(): Promise<void>
}

export function createPump({ task, boss, log, work }: PumpParts): Pump {
  const { name, concurrency } = task
  let running = 0
  /** Whether there may be jobs that were not fetched: told so, or the last fetch was full. */
  let isWoken = false
  let isStopped = false
  let turn: Promise<void> | undefined

  function wake(): void {
    isWoken = true
    pump()
  }

  function pump(): void {
    if (turn || isStopped || !isWoken || running >= concurrency) return
    turn = take()
      .catch((error: unknown) => {
        log.warn({ err: error, task: name }, 'the jobs of a task could not be fetched')
      })
      .finally(() => {
        turn = undefined
        pump()
      })
  }

  /** What wakes it meanwhile is not lost: it takes another turn. */
  async function take(): Promise<void> {
    await setImmediate() // places that become free at the same time are filled at once
    if (isStopped) return
    isWoken = false
    const wanted = Math.min(concurrency - running, MAX_BATCH)
    const deliveries = await withDeadline('task:fetch', TIMEOUT_MS, () => boss.fetch(name, wanted))
    if (isStopped) return giveBack(deliveries)
    if (deliveries.length === wanted) isWoken = true
    for (const delivery of deliveries) start(delivery)
  }

  function start(delivery: Delivery): void {
    running++
    work(delivery)
      .catch((error: unknown) => log.error({ err: error, task: name }, 'an attempt broke off'))
      .finally(() => {
        running--
        pump()
      })
  }

  async function giveBack(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return
    await withDeadline('task:give back', TIMEOUT_MS, () => boss.giveBack(deliveries))
  }

  return {
    wake,
    async stop() {
      isStopped = true
      await turn
    },
  }
}

import { AsyncLocalStorage } from 'node:async_hooks'

import { startLoop } from '../platform/supervised-loop.ts'
import type { AttemptResources } from './attempt-context.ts'
import type { Boss, Delivery } from './boss.ts'
import type { Task } from './definition.ts'
import { createPump, type Pump } from './pump.ts'

/** Between two looks for jobs that no bell has told of, in milliseconds: delayed ones above all. */
const POLL_EVERY_MS = 1_000

/** Longest for one look, in milliseconds. */
const POLL_TIMEOUT_MS = 5_000

export interface PumpsParts {
  readonly boss: Pick<Boss, 'fetch' | 'giveBack' | 'findDue'>
  readonly tasks: readonly Task[]
  readonly resources: AttemptResources
  /** Works on a delivery; resolves when its place is free. Never rejects. */
  readonly work: (task: Task, delivery: Delivery) => Promise<void>
}

/** A pump for each task, and one look for all of them at what no bell has told. */
export interface Pumps {
  /** Says that a task, or any, may have jobs. */
  wake(name?: string): void
  /** Takes no more; resolves when what was just being taken is given back. */
  stop(): Promise<void>
}

export function startPumps({ boss, tasks, resources, work }: PumpsParts): Pumps {
  const { log, metrics } = resources
  const pumps = new Map(
    tasks.map((task): [string, Pump] => {
      const run = (delivery: Delivery) => work(task, delivery)
      return [task.name, createPump({ task, boss, log, work: run })]
    }),
  )
  const names = [...pumps.keys()]
  // What wakes us may be a call, whose transaction and signal are not those of an attempt.
  const outside = AsyncLocalStorage.snapshot()
  const wake = (name: string) => outside(() => pumps.get(name)?.wake())
  const poll = startLoop({
    name: 'task_poll',
    everyMs: POLL_EVERY_MS,
    timeoutMs: POLL_TIMEOUT_MS,
    log,
    metrics,
    run: async () => {
      try {
        for (const name of await boss.findDue(names)) wake(name)
      } catch (error) {
        // No backoff: without a bell this is all that finds a job.
        metrics.count('task_polls_missed_total')
        log.warn({ err: error }, 'nobody could be asked which tasks have jobs')
      }
    },
  })
  return {
    wake(name) {
      for (const each of name === undefined ? names : [name]) wake(each)
    },
    async stop() {
      await Promise.all([poll.stop(), ...[...pumps.values()].map((pump) => pump.stop())])
    },
  }
}

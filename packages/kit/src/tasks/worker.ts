import { AsyncLocalStorage } from 'node:async_hooks'

import { sleep } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { TaskAcceptor } from '../task-types.ts'
import type { AttemptResources } from './attempt-context.ts'
import { GRACE_MS, startAttempt, type Attempt } from './attempt.ts'
import { createBegin } from './begin.ts'
import type { Boss, Delivery } from './boss.ts'
import { startCancelWatch } from './cancel-watch.ts'
import type { Task } from './definition.ts'
import type { OnTasksEnd } from './ended.ts'
import { startHeartbeat } from './heartbeat.ts'
import { startPumps } from './pumps.ts'
import { createSettle } from './settle.ts'
import { startSupervision } from './supervise.ts'

export interface WorkerOptions {
  readonly db: Db
  readonly boss: Boss
  /** Those that this process knows; tasks of other names are left to others. */
  readonly tasks: readonly Task[]
  readonly resources: AttemptResources
  readonly acceptor: TaskAcceptor
  readonly onEnd?: readonly OnTasksEnd[] | undefined
  /** How long a handler may go on once it was told to end, in milliseconds; 2 s by default. */
  readonly graceMs?: number
}

/** Runs tasks in this process. */
export interface Worker {
  /** Attempts under way. */
  readonly running: number
  /** Says that a task, or any, has jobs to be fetched; found out within a second otherwise. */
  wake(name?: string): void
  /** Says that a task may be wanted to end; found out within a second otherwise. */
  wishes(taskId: string): void
  /**
   * Takes no more, and lets what runs finish for `timeoutMs`. What has not is told to end, and given
   * to others as soon as it has, `graceMs` later at the latest. Nothing is left running then but handlers
   * that ignore their signal.
   */
  stop(options: { readonly timeoutMs: number }): Promise<void>
}

/** Longest that the last statements of a stop may take, in milliseconds. */
const LEAVE_TIMEOUT_MS = 2_000

/** Begins to run tasks. The gauge `tasks_running` says how many attempts are under way. */
export function startWorker(options: WorkerOptions): Worker {
  const { graceMs = GRACE_MS } = options
  const attempts = new Map<Delivery, Attempt>()
  const log = options.resources.log
  const ledger = { begin: createBegin(options), settle: createSettle({ ...options, log }) }
  let isOver = false

  async function work(task: Task, delivery: Delivery): Promise<void> {
    const attempt = startAttempt({ ...options, ...ledger }, task, delivery)
    attempts.set(delivery, attempt)
    if (isOver) attempt.stop('draining')
    await attempt.ended
    attempts.delete(delivery)
  }

  // Who tells us of a wish may be a call, whose end is not that of the look.
  const outside = AsyncLocalStorage.snapshot()
  const pumps = startPumps({ ...options, work })
  const watched = { ...options, attempts: () => [...attempts.values()] }
  const cancelWatch = startCancelWatch(watched)
  const loops = [startHeartbeat(watched), cancelWatch, startSupervision(options)]
  const removeGauge = options.resources.metrics.gauge('tasks_running', () => attempts.size)
  const allEnded = () => Promise.all([...attempts.values()].map(({ ended }) => ended))

  async function stop(timeoutMs: number): Promise<void> {
    await within(LEAVE_TIMEOUT_MS, pumps.stop())
    await within(timeoutMs, allEnded())
    isOver = true
    for (const attempt of attempts.values()) attempt.stop('draining')
    await within(graceMs + LEAVE_TIMEOUT_MS, allEnded())
    for (const attempt of attempts.values()) attempt.abandon()
    await within(LEAVE_TIMEOUT_MS, allEnded())
    await Promise.all(loops.map((loop) => loop.stop()))
    removeGauge()
  }

  let stopped: Promise<void> | undefined
  return {
    get running() {
      return attempts.size
    },
    wake: (name) => pumps.wake(name),
    wishes(taskId) {
      const isHere = [...attempts.keys()].some((delivery) => delivery.taskId === taskId)
      if (isHere) outside(() => cancelWatch.look())
    },
    stop: ({ timeoutMs }) => (stopped ??= stop(timeoutMs)),
  }
}

/** Waits for something that never fails, and not for longer than that. */
async function within(timeoutMs: number, ended: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  await Promise.race([ended, sleep(timeoutMs, timer).catch(() => {})])
  timer.abort()
}

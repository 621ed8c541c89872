import type { Resources } from '../resources.ts'
import { deleteOutdated } from './retention.ts'
import { createScheduler, type SchedulerParts } from './schedule.ts'
import { endWished, requeueForgotten, type SweeperParts } from './sweeper.ts'

/** One of the engine's loops. Those that lead nobody's takeover run in one process. */
export interface EngineLoop {
  readonly everyMs: number
  /** Longest that a turn may take, in milliseconds; the next one goes on. */
  readonly timeoutMs: number
  /** Longest pause after turns that failed, in milliseconds; 30 s by default. */
  readonly backoffCapMs?: number
  readonly runsIn: 'every process' | 'one process'
  readonly run: (resources: Resources, signal: AbortSignal) => Promise<void>
}

export interface LoopParts extends SweeperParts, SchedulerParts {
  /** How long a task is kept once it has ended, in milliseconds. */
  readonly keptMs: number
}

/**
 * What tasks rely on runs in every process, each turn a question that is cheap while there is nothing
 * to do: the one process that leads may stand still, and keep the lead for as long as it does.
 */
export function engineLoops(parts: LoopParts): Readonly<Record<string, EngineLoop>> {
  const { db, keptMs } = parts
  const schedule = createScheduler(parts)
  return {
    tasks_cancel: {
      everyMs: 2_000,
      timeoutMs: 10_000,
      backoffCapMs: 2_000,
      runsIn: 'every process',
      run: (_, signal) => endWished(parts, signal),
    },
    tasks_schedule: {
      everyMs: 1_000,
      timeoutMs: 10_000,
      backoffCapMs: 2_000,
      runsIn: 'every process',
      run: (_, signal) => schedule(signal),
    },
    tasks_requeue: {
      everyMs: 10_000,
      timeoutMs: 30_000,
      runsIn: 'one process',
      run: (_, signal) => requeueForgotten(parts, signal),
    },
    tasks_retention: {
      everyMs: 60_000,
      timeoutMs: 300_000,
      runsIn: 'one process',
      run: (_, signal) => deleteOutdated(db, keptMs, signal),
    },
  }
}

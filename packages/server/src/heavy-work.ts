import { availableParallelism } from 'node:os'

import { createTurns } from './turns.ts'

/** All cores but one, which is for who answers. */
export const WORK_CORES = Math.max(1, availableParallelism() - 1)

/**
 * Far more than the tasks that a process runs at the same time: by their `concurrency` the others wait in
 * the database.
 */
export const MAX_WAITING = 100

/**
 * Turns at work that keeps a core busy, whatever it is: with a core left, a call that comes in finds one
 * at once, and need not wait until somebody gives way.
 */
export const heavyWork = createTurns({ atOnce: WORK_CORES, waiting: MAX_WAITING })

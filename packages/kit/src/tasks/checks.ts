import { z } from 'zod'

import type { Task } from './definition.ts'
import { nextTime } from './schedule-times.ts'

/** What pg-boss takes as the name of a queue, and no more. */
const NAME = /^[a-z][\w-]*(?:\.[a-z][\w-]*)+$/i

const MAX_NAME_LENGTH = 100

/** The longest attempt, in milliseconds: pg-boss takes a job back after a day. */
const MAX_TIMEOUT_MS = 23 * 60 * 60_000

const MAX_CONCURRENCY = 1_000

const MAX_PRIORITY = 1_000_000

/** Contradictions in the tasks of all features, one sentence each. */
export function findTaskContradictions(tasks: readonly Task[]): string[] {
  const names = tasks.map(({ name }) => name)
  const twice = new Set(names.filter((name, index) => names.indexOf(name) < index))
  return [
    ...[...twice].map((name) => `task ${name}: two tasks have this name`),
    ...tasks.flatMap((task) =>
      [...boundMistakes(task), ...scheduleMistakes(task)].map(
        (mistake) => `task ${task.name}: ${mistake}`,
      ),
    ),
  ]
}

function boundMistakes({ name, timeoutMs, concurrency, priority, retry }: Task): string[] {
  const { limit, baseMs, capMs } = retry
  const mistakes: [boolean, string][] = [
    [!NAME.test(name) || name.length > MAX_NAME_LENGTH, 'a name is noun.verb, 100 letters at most'],
    [!isWithin(timeoutMs, 1, MAX_TIMEOUT_MS), 'timeoutMs is 1 ms to 23 hours'],
    [!isWithin(concurrency, 1, MAX_CONCURRENCY), `concurrency is 1 to ${MAX_CONCURRENCY}`],
    [!isWithin(priority, -MAX_PRIORITY, MAX_PRIORITY), `priority is up to ${MAX_PRIORITY}`],
    [!isWithin(limit, 0, 1_000), 'retry.limit is 0 to 1,000'],
    [!isWithin(baseMs, 0, 2 ** 31), 'retry.baseMs is a whole number of milliseconds'],
    [!isWithin(capMs, 0, 2 ** 31), 'retry.capMs is a whole number of milliseconds'],
    [baseMs > capMs, 'retry.baseMs is longer than retry.capMs'],
  ]
  return mistakes.filter(([is]) => is).map(([, mistake]) => mistake)
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}

function scheduleMistakes({ schedule, input }: Task): string[] {
  if (!schedule) return []
  return [...timeMistakes(schedule), ...inputMistakes(input, schedule.input)]
}

function timeMistakes(schedule: NonNullable<Task['schedule']>): string[] {
  try {
    // One that has no time any more is no mistake: a backend must not fail to start by its age.
    nextTime(schedule, new Date())
    return []
  } catch (error) {
    return [`schedule.at: ${error instanceof Error ? error.message : String(error)}`]
  }
}

function inputMistakes(schema: z.ZodType, input: unknown): string[] {
  try {
    const { error } = schema.safeParse(input)
    return error ? [`schedule.input does not fit its schema: ${z.prettifyError(error)}`] : []
  } catch (error) {
    // A schema that has to wait for something is asked when the time has come.
    if (error instanceof z.core.$ZodAsyncError) return []
    throw error
  }
}

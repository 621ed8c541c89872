import { randomUUID } from 'node:crypto'

import { commonErrors, Failure, isFailure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { isOutcomeUnknown } from '../db/errors.ts'
import { ring } from '../db/ring.ts'
import { currentCall, offBudget } from '../platform/call-scope.ts'
import type { AcceptableTask, EnqueuedTask, TaskAcceptor, TaskRequest } from '../task-types.ts'
import { acceptInput } from './accept-input.ts'
import { addTask } from './accept-rows.ts'
import { QUEUE_CHANNEL } from './boss-schema.ts'
import type { Boss } from './boss.ts'

/** The longest delay, in milliseconds: a year. */
const MAX_DELAY_MS = 365 * 24 * 60 * 60_000

/** Tasks of the backend itself have no cap. */
const NO_CAP = 2 ** 31 - 1

export interface AcceptorParts {
  readonly boss: Pick<Boss, 'send' | 'isStarted'>
  /** Names of the tasks that the backend has. */
  readonly names: ReadonlySet<string>
  /** Tasks of one owner that may be unfinished at the same time. */
  readonly maxUnfinished: number
}

/** A wish that has passed its schema. */
interface Wish {
  readonly task: AcceptableTask
  readonly owner: string | null
  readonly text: string
  readonly dedupeKey: string | null
  readonly delayMs: number
}

/** A key under which no two unfinished tasks of an owner are, where the task's own is not meant. */
export interface AcceptOptions {
  readonly dedupeKey?: string
}

/** `TaskAcceptor` as the engine itself uses it. */
export interface Acceptor extends TaskAcceptor {
  accept(db: Db, request: TaskRequest, options?: AcceptOptions): Promise<EnqueuedTask>
}

/**
 * What accepts tasks: row, event and job are written by one statement, in the caller's transaction where
 * there is one. It is on no query budget.
 */
export function createAcceptor(parts: AcceptorParts): Acceptor {
  return {
    async accept(db, { task, input, owner, options = {} }, { dedupeKey: givenKey } = {}) {
      if (!parts.names.has(task.name)) {
        throw new Error(`The task ${task.name} is in no feature of this backend.`)
      }
      const { delayMs = 0 } = options
      if (!(delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
        throw new RangeError('delayMs is 0 to a year, in milliseconds.')
      }
      // Before anything is written, and also where there are no tables yet.
      if (!parts.boss.isStarted) throw new Failure(commonErrors.UNAVAILABLE)
      const accepted = await acceptInput(task, input)
      const dedupeKey = givenKey ?? accepted.dedupeKey
      const wish = { task, owner, text: accepted.text, dedupeKey, delayMs }
      return offBudget(() =>
        db.isTransaction
          ? add(db, wish, parts.maxUnfinished)
          : addOnItsOwn(db, wish, parts.maxUnfinished),
      )
    },
  }
}

async function add(db: Db, wish: Wish, maxUnfinished: number): Promise<EnqueuedTask> {
  const { task, owner, text: input, dedupeKey, delayMs } = wish
  const { name, priority } = task
  const max = owner === null ? NO_CAP : maxUnfinished
  const [newId, jobId] = [randomUUID(), randomUUID()]
  const row = { id: newId, name, owner, input, jobId, priority, dedupeKey, delayMs }
  const { outcome, id } = await addTask(db, row, max)
  switch (outcome) {
    case 'added':
      if (delayMs === 0) ring(db, QUEUE_CHANNEL, name)
      return { id, isDuplicate: false }
    case 'duplicate':
      return { id, isDuplicate: true }
    case 'too many':
      throw new Failure(commonErrors.TOO_MANY_TASKS)
    case 'contended':
      throw new Failure(commonErrors.CONTENTION)
  }
}

/** One statement, which is a transaction of its own where there is none: its commit may be in doubt too. */
async function addOnItsOwn(db: Db, wish: Wish, maxUnfinished: number): Promise<EnqueuedTask> {
  try {
    return await add(db, wish, maxUnfinished)
  } catch (error) {
    // The statement has succeeded, and has added nothing.
    const call = currentCall()
    if (isFailure(error) && call?.kind === 'mutation') call.changes--
    if (!isOutcomeUnknown(error)) throw error
    throw new Failure(commonErrors.COMMIT_UNKNOWN, { cause: error })
  }
}

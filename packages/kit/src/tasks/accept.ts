import { randomUUID } from 'node:crypto'

import { commonErrors, Failure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { offBudget } from '../platform/call-scope.ts'
import type { AcceptableTask, EnqueuedTask, TaskAcceptor, TaskRequest } from '../task-types.ts'
import { acceptInput } from './accept-input.ts'
import type { Boss } from './boss.ts'
import { findDuplicated, holdOwner, insertTask, type NewTask } from './task-rows.ts'

/** How often a duplicate may end just when it was met. */
const MAX_TRIES = 5

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
 * What accepts tasks: row, event and job are written by one transaction, the caller's where there is
 * one. Its statements are on no query budget.
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
          ? add(db, wish, parts)
          : inTransaction(db, (transaction) => add(transaction, wish, parts)),
      )
    },
  }
}

async function add(db: Db, wish: Wish, { boss, maxUnfinished }: AcceptorParts) {
  const { task, owner, text: input, dedupeKey, delayMs } = wish
  const { name, priority } = task
  if (owner !== null) await holdOwner(db, owner)
  const max = owner === null ? NO_CAP : maxUnfinished
  const [id, jobId] = [randomUUID(), randomUUID()]
  const row: NewTask = { id, name, owner, input, jobId, priority, dedupeKey }
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const { isAdded, unfinished } = await insertTask(db, row, max)
    if (isAdded) {
      await boss.send(db, { name, taskId: id, base: 0, jobId, delayMs, priority })
      return { id, isDuplicate: false }
    }
    const duplicated =
      dedupeKey === null ? undefined : await findDuplicated(db, { name, owner, dedupeKey })
    if (duplicated !== undefined) return { id: duplicated, isDuplicate: true }
    if (unfinished >= max) throw new Failure(commonErrors.TOO_MANY_TASKS)
  }
  throw new Failure(commonErrors.CONTENTION)
}

import { Failure } from '@tautline/shared'

import { toPage } from '../../db/keyset.ts'
import type { CallContext, Principal } from '../../resources.ts'
import { mutation, query } from '../../rpc/define.ts'
import type { LimitPolicies } from '../../rpc/feature-limits.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { TASK_NOT_FOUND } from '../../tasks/failures.ts'
import { TASK_FINISHED, TASK_NOT_RETRYABLE } from './errors.ts'
import { findTask, listEvents, listTasks } from './queries.ts'
import {
  ListTasksInput,
  TaskByIdInput,
  TaskEvents,
  TaskEventsInput,
  TaskPage,
  TaskView,
} from './schema.ts'
import { toEvent, toSummary, toView } from './view.ts'
import { watchProcedures, type WatchOptions } from './watch.ts'

export interface TasksRouterOptions extends WatchOptions {
  readonly writes: LimitPolicies['writes']
}

/** What owners ask about their tasks, and do with them. */
export function createTasksRouter({ reads, writes, streams }: TasksRouterOptions) {
  return {
    ...readProcedures(reads),
    ...changeProcedures(writes),
    ...watchProcedures({ reads, streams }),
  }
}

type Caller = Pick<CallContext<Principal>, 'db' | 'principal'>

/** A task of the caller. Throws `TASK_NOT_FOUND`. */
async function ownTask({ db, principal }: Caller, id: string) {
  const row = await findTask(db, { id, owner: identityOf(principal) })
  if (!row) throw new Failure(TASK_NOT_FOUND)
  return toView(row)
}

function readProcedures(reads: LimitPolicies['reads']) {
  const get = query({
    summary: 'One of your tasks by its id.',
    input: TaskByIdInput,
    output: TaskView,
    errors: [TASK_NOT_FOUND],
    policy: { allow: 'user', ...reads },
    run: ({ ctx, input }) => ownTask(ctx, input.id),
  })

  const list = query({
    summary: 'Your tasks, newest first, page by page; of one state or name, if you like.',
    input: ListTasksInput.default({ limit: 50 }),
    output: TaskPage,
    policy: { allow: 'user', ...reads },
    async run({ ctx, input: { state, name, cursor, limit } }) {
      const cursors = ctx.cursors({ state, name })
      const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
      const after = cursor ? { after: { createdAt, id } } : {}
      const owner = identityOf(ctx.principal)
      const rows = await listTasks(ctx.db, { owner, state, name, limit, ...after })
      return toPage(rows, limit, {
        item: ({ position: _, ...row }) => toSummary(row),
        cursor: (row) => cursors.seal([row.position, row.id]),
      })
    },
  })

  const events = query({
    summary:
      'What happened to one of your tasks, in order, from the event after one that you know.',
    input: TaskEventsInput,
    output: TaskEvents,
    errors: [TASK_NOT_FOUND],
    policy: { allow: 'user', ...reads },
    async run({ ctx, input: { id, afterSeq, limit } }) {
      const owner = identityOf(ctx.principal)
      const rows = await listEvents(ctx.db, { id, owner, afterSeq, limit })
      // After its events, so that where it is said to be is not before what is told.
      const { state, lastSeq } = await ownTask(ctx, id)
      return { items: rows.map(toEvent), state, lastSeq }
    },
  })

  return { get, list, events }
}

function changeProcedures(writes: LimitPolicies['writes']) {
  const cancel = mutation({
    summary:
      'Ends one of your tasks: at once if it waits, else as soon as whoever runs it has heard.',
    input: TaskByIdInput,
    output: TaskView,
    errors: [TASK_NOT_FOUND, TASK_FINISHED],
    policy: { allow: 'user', ...writes, idempotent: 'optional' },
    async run({ ctx, input: { id } }) {
      const outcome = await ctx.tasks.cancel(ctx.db, { id, owner: identityOf(ctx.principal) })
      if (outcome.is === 'unknown') throw new Failure(TASK_NOT_FOUND)
      if (outcome.is === 'finished') throw new Failure(TASK_FINISHED, { data: outcome })
      return ownTask(ctx, id)
    },
  })

  const retry = mutation({
    summary: 'Gives one of your tasks that failed, or was cancelled, all its tries again.',
    input: TaskByIdInput,
    output: TaskView,
    errors: [TASK_NOT_FOUND, TASK_NOT_RETRYABLE],
    policy: { allow: 'user', ...writes, idempotent: 'optional' },
    async run({ ctx, input: { id } }) {
      const outcome = await ctx.tasks.redrive(ctx.db, { id, owner: identityOf(ctx.principal) })
      if (outcome.is === 'unknown') throw new Failure(TASK_NOT_FOUND)
      if (outcome.is === 'refused') throw new Failure(TASK_NOT_RETRYABLE, { data: outcome })
      if (outcome.is === 'duplicate') {
        const { state, of: duplicateOf } = outcome
        throw new Failure(TASK_NOT_RETRYABLE, { data: { state, duplicateOf } })
      }
      return ownTask(ctx, id)
    },
  })

  return { cancel, retry }
}

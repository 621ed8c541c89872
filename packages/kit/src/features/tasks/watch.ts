import { z } from 'zod'

import { subscription } from '../../rpc/define.ts'
import { LastEventSeq } from '../../rpc/event-seq.ts'
import type { LimitPolicies } from '../../rpc/feature-limits.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { shareEvent } from '../../rpc/shared-events.ts'
import { tracked } from '../../rpc/tracked.ts'
import { TASK_NOT_FOUND } from '../../tasks/failures.ts'
import { TaskEvent, TaskId, WatchedEvent } from './schema.ts'
import { createCursors, MAX_CURSOR_LENGTH } from './watch-cursor.ts'

/** Tasks that one stream watches at most. */
const MAX_TASKS = 50

const WatchInput = z.strictObject({
  id: TaskId,
  /** Number of the last event that is known: what comes after it is sent. Default: all events. */
  lastEventId: LastEventSeq.optional(),
})

const WatchManyInput = z.strictObject({
  ids: z
    .array(TaskId)
    .min(1)
    .max(MAX_TASKS)
    .refine((ids) => new Set(ids).size === ids.length, 'No task is watched twice.'),
  /** Id of the last event of a stream of the very same tasks. Default: all events. */
  lastEventId: z.string().min(1).max(MAX_CURSOR_LENGTH).optional(),
})

export interface WatchOptions extends Pick<LimitPolicies, 'reads'> {
  /** Streams that one user may have open in one process, of all subscriptions together. Default 5. */
  readonly streams?: number | undefined
}

/** The procedures that tell the events of tasks while they happen. */
export function watchProcedures({ streams, reads }: WatchOptions) {
  const policy = { allow: 'user', ...reads, ...(streams !== undefined && { streams }) } as const

  const watch = subscription({
    summary:
      'What happens to one of your tasks, from the event after one that you know to its end.',
    input: WatchInput,
    output: TaskEvent,
    errors: [TASK_NOT_FOUND],
    policy,
    async *run({ ctx, input: { id, lastEventId = 0 } }) {
      const owner = identityOf(ctx.principal)
      const tasks = [{ id, after: lastEventId }]
      for await (const event of ctx.taskEvents.watch({ owner, tasks, signal: ctx.signal })) {
        yield tracked(String(event.seq), shareEvent(event))
      }
    },
  })

  const watchMany = subscription({
    summary: 'What happens to several of your tasks, up to 50, until the last of them has ended.',
    input: WatchManyInput,
    output: WatchedEvent,
    errors: [TASK_NOT_FOUND],
    policy,
    async *run({ ctx, input: { ids, lastEventId } }) {
      const owner = identityOf(ctx.principal)
      const cursors = createCursors(ids)
      const seqs = lastEventId === undefined ? ids.map(() => 0) : cursors.read(lastEventId)
      const tasks = ids.map((id, index) => ({ id, after: seqs[index] ?? 0 }))
      for await (const event of ctx.taskEvents.watch({ owner, tasks, signal: ctx.signal })) {
        seqs[ids.indexOf(event.taskId)] = event.seq
        yield tracked(cursors.write(seqs), shareEvent(event))
      }
    },
  })

  return { watch, watchMany }
}

import { z } from 'zod'

import { taskStates, type TaskEventType } from '@tautline/shared'

import { MAX_PAGE_SIZE } from '../../db/keyset.ts'
import { EventSeq } from '../../rpc/event-seq.ts'

/** Events of one answer at most. */
const MAX_EVENTS = 500

/** Postgres writes ids in lower case, and so does whoever compares them. */
export const TaskId = z.uuid().toLowerCase()

const Progress = z.object({
  current: z.number(),
  total: z.number().nullable(),
  message: z.string().nullable(),
})

/** A task as its owner sees it in a list. */
export const TaskSummary = z.object({
  id: TaskId,
  name: z.string(),
  state: z.enum(taskStates),
  /** The last that has begun; 0 before the first. */
  attempt: z.int(),
  progress: Progress.nullable(),
  /** Why it has failed; null unless it has. */
  error: z.string().nullable(),
  createdAt: z.date(),
  /** When its last attempt has begun. */
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable(),
  /** Number of its newest event. */
  lastSeq: z.int(),
})

/** The same with what came out of it. */
export const TaskView = TaskSummary.extend({
  /** As the output schema of the task has it; null before it has succeeded. */
  output: z.unknown(),
})

const Nothing = z.object({})
const Why = z.object({ error: z.string() })

/** Something that happened to a task, told as rows have it and checked when it is told. */
export const TaskEvent = eventWith({})

/** The same, where several tasks are watched. */
export const WatchedEvent = eventWith({ taskId: TaskId })

function eventWith<Shape extends z.ZodRawShape>(shape: Shape) {
  const event = z.object({
    ...shape,
    /** From 1, without a gap. */
    seq: z.int(),
    /** In which it happened; 0 before the first. */
    attempt: z.int(),
    at: z.date(),
  })
  const of = <Type extends TaskEventType, Data extends z.ZodType>(type: Type, data: Data) =>
    event.extend({ type: z.literal(type), data })
  return z.unknown().pipe(
    z.discriminatedUnion('type', [
      of('queued', Nothing),
      of('started', Nothing),
      of(
        'progress',
        z.object({
          current: z.number(),
          total: z.number().optional(),
          message: z.string().optional(),
        }),
      ),
      /** What the task has emitted: one of its `events` by name, as their schema has it. */
      of('custom', z.object({ name: z.string(), data: z.unknown() })),
      /** An attempt has failed, and the next one begins after so many milliseconds. */
      of('retrying', Why.extend({ delayMs: z.number() })),
      of('succeeded', Nothing),
      of('failed', Why),
      of('dead', Why),
      of('cancelled', Nothing),
    ]),
  )
}

export const TaskByIdInput = z.strictObject({ id: TaskId })

export const ListTasksInput = z.strictObject({
  state: z.enum(taskStates).optional(),
  name: z.string().min(1).max(100).optional(),
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
})

export const TaskPage = z.object({
  items: z.array(TaskSummary),
  nextCursor: z.string().nullable(),
})

export const TaskEventsInput = z.strictObject({
  id: TaskId,
  /** Events after this one; 0 for all of them. */
  afterSeq: EventSeq.default(0),
  limit: z.int().min(1).max(MAX_EVENTS).default(100),
})

export const TaskEvents = z.object({
  items: z.array(TaskEvent),
  /** Where the task is, and its newest event: all of them were told when that is the last here. */
  state: z.enum(taskStates),
  lastSeq: z.int(),
})

import { z } from 'zod'

import { MAX_PAGE_SIZE } from '../../db/keyset.ts'
import { EventSeq, LastEventSeq } from '../../rpc/event-seq.ts'

/** That a task of yours has ended. */
export const Notification = z.object({
  id: z.uuid(),
  /** From 1, in the order in which they came; those that are gone leave gaps. */
  seq: z.int(),
  kind: z.literal('task'),
  taskId: z.uuid(),
  /** Of the task. */
  name: z.string(),
  state: z.enum(['succeeded', 'failed', 'dead', 'cancelled']),
  /** Why it has failed; null unless it has. */
  error: z.string().nullable(),
  readAt: z.date().nullable(),
  createdAt: z.date(),
})

export const ListNotificationsInput = z.strictObject({
  unread: z.boolean().default(false),
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
})

export const NotificationPage = z.object({
  items: z.array(Notification),
  nextCursor: z.string().nullable(),
  /** How many of all were not read. */
  unread: z.int(),
  /** The number of the newest of all: `watch` tells what comes after it. */
  lastSeq: z.int(),
})

export const MarkReadInput = z.union([
  z.strictObject({ ids: z.array(z.uuid()).min(1).max(MAX_PAGE_SIZE) }),
  /** The number of the newest of those that were seen. */
  z.strictObject({ upTo: EventSeq }),
])

export const MarkedRead = z.object({
  /** How many had not been read. */
  marked: z.int(),
  /** How many still are not. */
  unread: z.int(),
})

export const WatchInput = z.strictObject({
  /** Number of the last one that is known: `lastSeq` of a list. Default: none is. */
  lastEventId: LastEventSeq.optional(),
})

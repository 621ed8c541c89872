import type { z } from 'zod'

import type { TaskEventType, TaskState } from '@tautline/shared'

import type { Db } from './db/database.ts'

/** What has to be known of a task to accept it. */
export interface AcceptableTask<I extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly input: I
  /** Higher comes first, among those of the same name. */
  readonly priority: number
  readonly dedupeKey: ((input: never) => string) | undefined
}

/** What is asked of an enqueued task, beside its input. */
export interface EnqueueOptions {
  /** Not before, in milliseconds from the database's now. */
  readonly delayMs?: number
}

/** A task that was accepted. */
export interface EnqueuedTask {
  readonly id: string
  /** Whether an unfinished one with the same dedupe key was there, whose id this is. */
  readonly isDuplicate: boolean
}

/** What can accept tasks: the context of a mutation, or of a task. */
export interface TaskQueue {
  /**
   * Accepts a task: it exists when the transaction around the call commits, and not before; without
   * one it exists when this resolves. Throws `TOO_MANY_TASKS`, `BAD_INPUT` for what its input schema
   * refuses or is larger than 256 KB, and `UNAVAILABLE` while the database is away.
   *
   * Best asked last: until the transaction ends, others who enqueue for the same owner wait for it.
   */
  enqueue<I extends z.ZodType>(
    task: AcceptableTask<I>,
    input: z.input<I>,
    options?: EnqueueOptions,
  ): Promise<EnqueuedTask>
}

/** A task that somebody wants to have done. */
export interface TaskRequest<I extends z.ZodType = z.ZodType> {
  readonly task: AcceptableTask<I>
  readonly input: z.input<I>
  /** As `identityOf` writes a principal; null for the backend itself. */
  readonly owner: string | null
  readonly options?: EnqueueOptions | undefined
}

/** What accepts tasks for anybody. */
export interface TaskAcceptor {
  /** On a transaction it rides on that; on the pool it takes one of its own. Fails as `enqueue` does. */
  accept<I extends z.ZodType>(db: Db, request: TaskRequest<I>): Promise<EnqueuedTask>
}

/** A task, and whose it is. */
export interface AnyTask {
  readonly id: string
  /** As `identityOf` writes a principal; null for the backend itself. */
  readonly owner: string | null
}

/** A task of a user. */
export interface OwnTask extends AnyTask {
  readonly owner: string
}

/** What came of the wish that a task end. */
export type CancelOutcome =
  /** It had not begun, and never will. */
  | { readonly is: 'ended' }
  /** Whoever runs it has been told; it ends as soon as it can, or has just ended by itself. */
  | { readonly is: 'asked' }
  | { readonly is: 'finished'; readonly state: TaskState }
  | { readonly is: 'unknown' }

/** What came of the wish that a task be tried anew. */
export type RedriveOutcome =
  | { readonly is: 'queued' }
  /** It has not failed, or this backend does not know its name. */
  | { readonly is: 'refused'; readonly state: TaskState }
  /** An unfinished one of its dedupe key took its place. */
  | { readonly is: 'duplicate'; readonly state: TaskState; readonly of: string }
  | { readonly is: 'unknown' }

/** What accepts tasks, ends them, and gives those that have failed another time. */
export interface TaskControl extends TaskAcceptor {
  /** Ends a task: at once if it waits. Never waits for whoever runs it. */
  cancel(db: Db, task: AnyTask): Promise<CancelOutcome>
  /** Gives a failed, dead or cancelled task all its tries again. Throws `TOO_MANY_TASKS`. */
  redrive(db: Db, task: AnyTask): Promise<RedriveOutcome>
}

/** Something that has happened to a task. */
export interface TaskEvent {
  readonly taskId: string
  /** From 1, without a gap. */
  readonly seq: number
  readonly type: TaskEventType
  /** In which it happened; 0 before the first. */
  readonly attempt: number
  readonly at: Date
  readonly data: unknown
}

/** Tasks of one owner, each with the number of the last event that is known of it. */
export interface TaskWatch {
  /** As `identityOf` writes a principal. */
  readonly owner: string
  /** No two of them the same. */
  readonly tasks: readonly { readonly id: string; readonly after: number }[]
  /** Ends the watch; its reason is thrown. */
  readonly signal: AbortSignal
}

/** What tells the events of tasks while they happen. */
export interface TaskWatcher {
  /**
   * All events of each task after its `after`, in their order, each once; then those that come. Ends
   * when each task has ended. A slow reader holds nothing up, and nothing is held for them.
   *
   * Throws `TASK_NOT_FOUND` for one that is not there, or is not any more, or is not the owner's;
   * `BAD_INPUT` where a task has no event `after` yet; `OVERLOADED` when too many tasks are watched in
   * this process; `UNAVAILABLE` while the database is away, and when the process stops.
   */
  watch(watch: TaskWatch): AsyncGenerator<TaskEvent, void>
}

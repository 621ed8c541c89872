import type { z } from 'zod'

import type { Db } from '../db/database.ts'
import type { CallCache, Resources } from '../resources.ts'
import type { AcceptableTask, TaskQueue } from '../task-types.ts'

type Schema = z.ZodType
type EventSchemas = Readonly<Record<string, Schema>>

/** How often a task that failed is tried again, and after how long. */
export interface TaskRetry {
  /** Failed attempts after the first. Attempts whose process was lost do not count. Default 3. */
  readonly limit?: number
  /**
   * Longest pause before the first of them, in milliseconds; doubles with each. How long it is, is random.
   * Default 1,000.
   */
  readonly baseMs?: number
  /** Longest pause, in milliseconds. Default 10 minutes. */
  readonly capMs?: number
}

/** When a task comes round by itself. It belongs to the backend, and no two times run at once. */
export interface TaskSchedule<Input> {
  /** Five fields of cron, or an RRULE (RFC 5545). */
  readonly at: string
  /** IANA name. Default UTC. */
  readonly timeZone?: string
  readonly input: Input
}

/** What came of an effect outside the database. */
export type StepOutcome<T> =
  | { readonly status: 'done'; readonly value: T; readonly isReplay: boolean }
  | { readonly status: 'failed'; readonly error: string }
  /** It was begun by an attempt that ended before anybody knew: it happened, or it did not. */
  | { readonly status: 'unknown' }

export interface StepOptions {
  /** Whether an effect of unknown outcome is reported, or repeated. Default `report`. */
  readonly unknown?: 'report' | 'repeat'
}

/** Why an attempt is to end. */
export type TaskStop = 'cancelled' | 'timed out' | 'lost' | 'draining'

/** What `run` of a task sees as `ctx`: of one attempt. */
export interface TaskContext<E extends EventSchemas = EventSchemas>
  extends
    Pick<Resources, 'log' | 'metrics' | 'clock' | 'secrets' | 'settings' | 'outgoing' | 'files'>,
    TaskQueue {
  readonly task: {
    readonly id: string
    readonly name: string
    /** As `identityOf` writes a principal; null for the backend itself. */
    readonly owner: string | null
    /** From 1. */
    readonly attempt: number
  }
  /** Aborts when the attempt is to end; its reason is a `TaskStopped`. */
  readonly signal: AbortSignal
  /** Runs `run` in a transaction that only reads. */
  read<T>(run: (db: Db) => Promise<T>): Promise<T>
  /**
   * Runs `run` in a transaction that commits only while this attempt is the task's current one.
   * Keep it under 1,000 rows and 250 ms. `emit` and `enqueue` inside it ride on it.
   */
  transaction<T>(run: (db: Db) => Promise<T>): Promise<T>
  /** Makes kept answers invalid: with the commit, inside `transaction`; else at once. */
  readonly cache: Pick<CallCache, 'invalidate'>
  /**
   * Says how far the task is. Free in a tight loop: the newest is written four times a second. What is no
   * finite number is left out, and nothing is said without a current.
   */
  progress(current: number, total?: number, message?: string): void
  /**
   * Adds an event of the task's own; inside `transaction` it comes with its commit. Throws a `RangeError`
   * beyond 256 KB.
   */
  emit<K extends keyof E & string>(name: K, data: z.input<E[K]>): Promise<void>
  /**
   * Has an effect outside the database at most once (`unknown: 'report'`) or at least once. The key
   * names it within the task. What `run` throws is kept as `failed`, and not tried again by this step.
   */
  step<T>(key: string, run: () => Promise<T>, options?: StepOptions): Promise<StepOutcome<T>>
}

export interface TaskDefinition<
  N extends string,
  I extends Schema,
  O extends Schema,
  E extends EventSchemas,
> {
  /** `noun.verb`; unique in the backend. It is what the queue knows it by: renaming loses tasks. */
  readonly name: N
  /** One sentence for people who read the docs. */
  readonly summary: string
  readonly input: I
  readonly output: O
  /** The events that `ctx.emit` adds. */
  readonly events?: E
  readonly retry?: TaskRetry
  /** Longest attempt, in milliseconds. Default 15 minutes. */
  readonly timeoutMs?: number
  /** Attempts that one process runs at the same time. Default 4. */
  readonly concurrency?: number
  /** Higher comes first, among those of the same name. Default 0. */
  readonly priority?: number
  readonly schedule?: TaskSchedule<z.input<I>>
  /** Inputs of one key are one task for as long as it is not finished. */
  readonly dedupeKey?: (input: z.output<I>) => string
  run(call: { readonly ctx: TaskContext<E>; readonly input: z.output<I> }): Promise<z.input<O>>
}

/** A unit of durable work: a name, a schema of what goes in and what comes out, and what it does. */
export interface Task<
  N extends string = string,
  I extends Schema = Schema,
  O extends Schema = Schema,
  E extends EventSchemas = EventSchemas,
> extends AcceptableTask<I> {
  readonly name: N
  readonly summary: string
  readonly output: O
  readonly events: EventSchemas
  /** Only a type; there is no such property. */
  readonly '~events'?: E
  readonly retry: Required<TaskRetry>
  readonly timeoutMs: number
  readonly concurrency: number
  readonly schedule: TaskSchedule<unknown> | undefined
  readonly run: (call: { readonly ctx: TaskContext; readonly input: never }) => Promise<unknown>
}

/** What clients know of a task: what comes out of it, and the events of its own as they are told. */
export interface TaskKindOf<T extends Task> {
  readonly name: T['name']
  readonly output: z.output<T['output']>
  readonly events: OwnEvents<NonNullable<T['~events']>>
}

type OwnEvents<E extends EventSchemas> = {
  readonly [K in keyof E & string]: { readonly name: K; readonly data: z.output<E[K]> }
}

const DEFAULTS = {
  retry: { limit: 3, baseMs: 1_000, capMs: 600_000 },
  timeoutMs: 15 * 60_000,
  concurrency: 4,
  priority: 0,
}

/** Defines a task. Put it in `tasks` of a feature, and enqueue it by `ctx.enqueue(task, input)`. */
export function task<
  const N extends string,
  I extends Schema,
  O extends Schema,
  const E extends EventSchemas = Record<never, never>,
>(definition: TaskDefinition<N, I, O, E>): Task<N, I, O, E> {
  const { name, summary, input, output, events = {}, retry, schedule, dedupeKey } = definition
  return {
    name,
    summary,
    input,
    output,
    events,
    retry: { ...DEFAULTS.retry, ...retry },
    timeoutMs: definition.timeoutMs ?? DEFAULTS.timeoutMs,
    concurrency: definition.concurrency ?? DEFAULTS.concurrency,
    priority: definition.priority ?? DEFAULTS.priority,
    schedule,
    dedupeKey,
    run: (call) => definition.run(call),
  }
}

import type { ConnectionState } from './subscription.ts'
import type { SubscribeOptions } from './types.ts'

/** An event as a stream of them brings it. */
interface Sent<Event> {
  readonly id: string
  readonly data: Event
}

type Subscribe<Input, Event> = (
  input: Input,
  options?: SubscribeOptions,
) => AsyncIterable<Sent<Event>>

/** A client whose backend has the feature `tasks()`. */
export interface TaskClient<Event> {
  readonly tasks: {
    readonly watch: { readonly subscribe: Subscribe<{ id: string; lastEventId?: string }, Event> }
  }
}

/** The same, for several tasks. */
export interface TasksClient<Event> {
  readonly tasks: {
    readonly watchMany: { readonly subscribe: Subscribe<{ ids: string[] }, Event> }
  }
}

export interface WatchOptions {
  /** Ends the watch: the loop rejects with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Told each time the connection is made, lost, or over. */
  readonly onState?: (state: ConnectionState) => void
}

export interface WatchTaskOptions extends WatchOptions {
  /** Number of the last event that is known. Default 0: all events come. */
  readonly afterSeq?: number
}

/**
 * What happens to a task, from its first event to its last, in order, each once, however often the
 * connection or the server is lost meanwhile:
 *
 * ```ts
 * for await (const event of watchTask(client, id)) console.log(event.seq, event.type)
 * ```
 *
 * The loop ends with the task; leaving it ends the watch. It rejects with a `CallError` when there is
 * no such task (`TASK_NOT_FOUND`), when nobody is signed in any more, when it is aborted; never with
 * what passes by itself. Nothing piles up behind a slow loop: what it has not taken is not read.
 */
export function watchTask<Event>(
  client: TaskClient<Event>,
  id: string,
  { afterSeq, ...options }: WatchTaskOptions = {},
): AsyncIterableIterator<Event> {
  const input = { id, ...(afterSeq !== undefined && { lastEventId: String(afterSeq) }) }
  return dataOf(client.tasks.watch.subscribe(input, options))
}

/**
 * The same for up to 50 tasks over one connection, where a browser has six of them: each event names
 * its task in `taskId`. Ends with the last of the tasks.
 */
export function watchTasks<Event>(
  client: TasksClient<Event>,
  ids: readonly string[],
  options: WatchOptions = {},
): AsyncIterableIterator<Event> {
  return dataOf(client.tasks.watchMany.subscribe({ ids: [...ids] }, options))
}

/** Leaves at once, also while it waits, which a generator would do with the next event. */
function dataOf<Event>(events: AsyncIterable<Sent<Event>>): AsyncIterableIterator<Event> {
  const iterator = events[Symbol.asyncIterator]()
  return {
    async next() {
      const step = await iterator.next()
      if (step.done) return { done: true, value: undefined }
      return { done: false, value: step.value.data }
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

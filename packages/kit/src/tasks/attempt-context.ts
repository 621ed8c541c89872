import type { Db } from '../db/database.ts'
import { currentCall, within, type CallScope } from '../platform/call-scope.ts'
import type { Resources } from '../resources.ts'
import type { TaskAcceptor } from '../task-types.ts'
import { MAX_TEXT_BYTES } from './accept-input.ts'
import { keepable } from './attempt-errors.ts'
import type { AttemptScope } from './attempt-scope.ts'
import type { Delivery } from './boss.ts'
import type { Task, TaskContext } from './definition.ts'
import type { ProgressWriter } from './progress.ts'
import type { RunStep } from './steps.ts'
import { toText } from './wire-text.ts'

/** What makes kept answers invalid. */
export interface AttemptCache {
  /** Inside a transaction that `around` runs it comes with the commit of that; else at once. */
  invalidate(tags: readonly string[]): Promise<void>
  /** Runs a transaction of which the tags are marked before its commit, and cleared after it. */
  around<T>(transact: (run: Run<T>) => Promise<T>, run: Run<T>): Promise<T>
}

type Run<T> = (db: Db) => Promise<T>

/** What of the backend a handler may use. */
export interface AttemptResources extends Pick<
  Resources,
  'log' | 'metrics' | 'clock' | 'secrets' | 'settings' | 'outgoing' | 'files'
> {
  readonly cache: AttemptCache
}

export interface ContextParts {
  readonly task: Task
  readonly delivery: Delivery
  readonly owner: string | null
  readonly resources: AttemptResources
  readonly acceptor: TaskAcceptor
  /** Of the handler's call: statements follow its signal. */
  readonly call: CallScope
  readonly scope: AttemptScope
  readonly progress: ProgressWriter
  readonly step: RunStep
}

/** The `ctx` of a handler. */
export function createAttemptContext(parts: ContextParts): TaskContext {
  const { task, delivery, owner, resources, acceptor, call, scope, progress, step } = parts
  const { signal } = call

  /** Also where a handler has lost the call, as in a listener that somebody else has registered. */
  async function inCall<T>(run: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    return currentCall()?.signal === signal ? run() : within(call, run)
  }

  const transaction = <T>(run: Run<T>) =>
    inCall(() =>
      scope.isOpen
        ? scope.transaction(run)
        : resources.cache.around((all) => scope.transaction(all), run),
    )

  return {
    log: resources.log.child({ taskId: delivery.taskId, attempt: delivery.attempt }),
    metrics: resources.metrics,
    clock: resources.clock,
    secrets: resources.secrets,
    settings: resources.settings,
    outgoing: resources.outgoing,
    cache: { invalidate: (tags) => inCall(() => resources.cache.invalidate(tags)) },
    files: resources.files,
    task: { id: delivery.taskId, name: task.name, owner, attempt: delivery.attempt },
    signal,
    read: (run) => inCall(() => scope.read(run)),
    transaction,
    progress(current, total, message) {
      const said = message === undefined ? undefined : keepable(message)
      progress.say({ current, total, message: said })
    },
    emit: (name, data) =>
      inCall(async () => {
        const schema = task.events[name]
        if (!schema) throw new Error(`The task ${task.name} has no event ${name}.`)
        const kept = toText({ name, data: await schema.parseAsync(data) })
        if (Buffer.byteLength(kept) > MAX_TEXT_BYTES) {
          throw new RangeError(`An event of a task has ${MAX_TEXT_BYTES} bytes at most.`)
        }
        await scope.add({ type: 'custom', data: kept })
      }),
    step: (key, run, options) =>
      inCall(async () => {
        if (scope.isOpen) throw new Error('A step inside a transaction would commit before it.')
        return step(key, run, options)
      }),
    enqueue: (queued, input, options) =>
      transaction((db) => acceptor.accept(db, { task: queued, input, owner, options })),
  }
}

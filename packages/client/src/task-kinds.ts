/** What is known of tasks of one name: an entry of what a backend exports as `TasksOf<…>`. */
export interface TaskKind {
  readonly name: string
  readonly output: unknown
}

/** What is known of one event of a task's own: an entry of its `events`. */
export interface OwnEvent {
  readonly name: string
  readonly data: unknown
}

interface TaskLike {
  readonly name: string
  readonly output: unknown
}

interface EventLike {
  readonly type: string
  readonly data: unknown
}

/**
 * Whether a task is of that name, which tells what its output is:
 *
 * ```ts
 * import type { AppTasks } from '@tautline/server/router-type'
 * const task = await client.tasks.get.query({ id })
 * if (isTask<AppTasks['items.import']>(task, 'items.import')) console.log(task.output?.created)
 * ```
 *
 * The output is null until the task has succeeded.
 */
export function isTask<Kind extends TaskKind>(
  task: TaskLike,
  name: Kind['name'],
): task is TaskLike & { readonly name: Kind['name']; readonly output: Kind['output'] | null } {
  return task.name === name
}

/**
 * Whether an event is the one of that name that a task tells of its own, which tells what its data is:
 *
 * ```ts
 * for await (const event of watchTask(client, id)) {
 *   if (isOwnEvent<AppTasks['report.make']['events']['page']>(event, 'page')) console.log(event.data.data)
 * }
 * ```
 *
 * An event does not say which task it is of: whoever watches several kinds of them tells by the id.
 */
export function isOwnEvent<Event extends OwnEvent>(
  event: EventLike,
  name: Event['name'],
): event is EventLike & { readonly type: 'custom'; readonly data: Event } {
  const { type, data } = event
  return (
    type === 'custom' &&
    typeof data === 'object' &&
    data !== null &&
    'name' in data &&
    data.name === name
  )
}

/** Where a task is. The last four are ends; `dead` may be redriven, `failed` would fail again. */
export const taskStates = ['queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled'] as const

export type TaskState = (typeof taskStates)[number]

/** What an event of a task says: that it came to a state, how far it is, or something of its own. */
export const taskEventTypes = [
  'queued',
  'started',
  'progress',
  'custom',
  'retrying',
  'succeeded',
  'failed',
  'dead',
  'cancelled',
] as const

export type TaskEventType = (typeof taskEventTypes)[number]

const ends: ReadonlySet<string> = new Set(['succeeded', 'failed', 'dead', 'cancelled'])

/** Whether a task in this state, or after an event of this type, goes on no more by itself. */
export function isTaskEnd(state: TaskState | TaskEventType): boolean {
  return ends.has(state)
}

/** Where pg-boss keeps its tables, beside ours. */
export const BOSS_SCHEMA = 'tautline_boss'

const PREFIX = 'tautline.'

/** The queue that carries the jobs of a task. */
export function queueOf(name: string): string {
  return `${PREFIX}${name}`
}

/** The task whose jobs a queue carries. */
export function taskOf(queue: string): string {
  return queue.slice(PREFIX.length)
}

/** The channel that rings, with a task's name, when a job of it is to be fetched: a hint. */
export const QUEUE_CHANNEL = 'tautline_job'

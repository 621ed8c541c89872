import { createHash } from 'node:crypto'

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

/**
 * The channel that rings, with a queue as its payload, when a job that is due was sent: within the
 * statement that sends it, so at its commit. pg-boss derives the name from its schema
 * (`notifyChannelSql` of its `plans.ts`).
 */
export const QUEUE_CHANNEL = `pgboss_${createHash('sha224').update(BOSS_SCHEMA).digest('hex').slice(0, 24)}`

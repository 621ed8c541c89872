import type { TaskStop } from './definition.ts'

/**
 * An attempt is to end: the reason of its signal, and what its context throws from then on. A handler
 * lets it pass; what it does about it afterwards counts for nothing.
 */
export class TaskStopped extends Error {
  override readonly name = 'TaskStopped'
  readonly stop: TaskStop

  constructor(stop: TaskStop) {
    super(`The attempt is to end: ${stop}.`)
    this.stop = stop
  }
}

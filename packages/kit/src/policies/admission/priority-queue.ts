import { createWaitingLine, type Wait, type WaitEnd } from '../../platform/waiting-line.ts'
import { PRIORITIES, type Priority } from './priority.ts'

/** Those who wait to be let in: by priority, and then in the order of their coming. */
export interface PriorityQueue {
  readonly length: number
  /** Places that those wait for who come before a newcomer. */
  sizeAhead(priority: Priority): number
  join(priority: Priority, wait: Wait): Promise<WaitEnd>
  /**
   * Calls up those for whom there are places, which `take` takes. One for whom there are none keeps
   * those behind it waiting: else a large one would never come in.
   */
  callUp(take: (priority: Priority, size: number) => boolean): void
  /** Whether somebody waits whom `dismissBelow` would send away. */
  hasBelow(priority: Priority): boolean
  /**
   * Sends away the one that has waited longest among those with the least priority, if that is
   * below this one.
   */
  dismissBelow(priority: Priority): boolean
}

export function createPriorityQueue(): PriorityQueue {
  const lines = {
    critical: createWaitingLine(),
    normal: createWaitingLine(),
    sheddable: createWaitingLine(),
  }
  return {
    get length() {
      return lines.critical.length + lines.normal.length + lines.sheddable.length
    },
    sizeAhead(priority) {
      let size = 0
      for (const one of PRIORITIES) {
        size += lines[one].size
        if (one === priority) break
      }
      return size
    },
    join: (priority, wait) => lines[priority].join(wait),
    callUp(take) {
      for (const priority of PRIORITIES) {
        const line = lines[priority]
        for (let size = line.firstSize; size !== undefined; size = line.firstSize) {
          if (!take(priority, size)) return
          line.end('called')
        }
      }
    },
    hasBelow: (priority) => below(priority).some((one) => lines[one].length > 0),
    dismissBelow: (priority) => below(priority).some((one) => lines[one].end('dismissed')),
  }
}

/** Those with a lower priority, the lowest first. */
function below(priority: Priority): Priority[] {
  return PRIORITIES.slice(PRIORITIES.indexOf(priority) + 1).reverse()
}

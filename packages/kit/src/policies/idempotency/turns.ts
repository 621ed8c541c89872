import { createWaitingLine, type Wait, type WaitingLine } from '../../platform/waiting-line.ts'

/** One turn at a time for each name. */
export interface Turns {
  /** Names of which one has the turn; no more than there are running calls. */
  readonly names: number
  /** Calls that wait for their turn. */
  readonly waiting: number
  /**
   * Waits for the turn. False when too many wait, or when the time is up; rejects with the reason of
   * the signal. `onWait` is told before a wait begins.
   */
  take(name: string, wait: Wait, onWait?: () => void): Promise<boolean>
  /** Gives the turn to the next. */
  give(name: string): void
}

export function createTurns(maxWaiting: number): Turns {
  const lines = new Map<string, WaitingLine>()
  let waiting = 0
  return {
    get names() {
      return lines.size
    },
    get waiting() {
      return waiting
    },
    async take(name, wait, onWait) {
      const line = lines.get(name)
      if (!line) {
        lines.set(name, createWaitingLine())
        return true
      }
      if (waiting >= maxWaiting) return false
      waiting++
      onWait?.()
      try {
        return (await line.join(wait)) === 'called'
      } finally {
        waiting--
      }
    },
    give(name) {
      if (!lines.get(name)?.end('called')) lines.delete(name)
    },
  }
}

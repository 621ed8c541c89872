import { isTaskEnd } from '@tautline/shared'

import type { SeenEvent } from './judge.ts'

/** A process that was killed, or stopped for longer than a lease. */
export interface Strike {
  readonly how: 'kill -9' | 'stop'
  readonly pid: number
  /** In milliseconds, by the clock of this machine, which Postgres has as well. */
  readonly at: number
}

/** An attempt that had begun in a process. */
export interface Begun {
  readonly taskId: string
  readonly attempt: number
  readonly pid: number
}

/**
 * How long tasks waited for somebody else, in milliseconds, once the process of their attempt was
 * struck: from the strike to the beginning of the next attempt. Those that had ended before, or never
 * had another, do not count.
 */
export function takeoversOf(
  strikes: readonly Strike[],
  begun: readonly Begun[],
  events: readonly SeenEvent[],
): number[] {
  const eventsOf = Map.groupBy(events, ({ taskId }) => taskId)
  return strikes.flatMap(({ pid, at }) =>
    begun
      .filter((attempt) => attempt.pid === pid)
      .flatMap(({ taskId, attempt }) => {
        const own = eventsOf.get(taskId) ?? []
        const start = own.find((event) => event.type === 'started' && event.attempt === attempt)
        if (!start || start.at > at) return []
        const after = own.filter(({ seq }) => seq > start.seq)
        const end = after.find(
          ({ type }) => type === 'started' || type === 'retrying' || isTaskEnd(type),
        )
        return end?.type === 'started' && end.at > at ? [end.at - at] : []
      }),
  )
}

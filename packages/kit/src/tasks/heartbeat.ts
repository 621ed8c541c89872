import { startLoop, type Loop } from '../platform/supervised-loop.ts'
import type { AttemptResources } from './attempt-context.ts'
import type { Attempt } from './attempt.ts'
import type { Boss } from './boss.ts'

/** Between two signs of life, in milliseconds: many fit into a lease of 10 s. */
const EVERY_MS = 1_000

/** Longest for one, in milliseconds: on a connection that went silent, others follow within the lease. */
const TIMEOUT_MS = 2_000

export interface HeartbeatParts {
  readonly boss: Pick<Boss, 'touch'>
  readonly resources: AttemptResources
  /** Those under way. */
  readonly attempts: () => readonly Attempt[]
}

/**
 * Says of all attempts of this process that they are worked on, in one statement, and stops those that
 * are another's by now. It runs on the event loop that handlers run on: one that blocks it for 10 s
 * has lost its attempt.
 */
export function startHeartbeat({ boss, resources, attempts }: HeartbeatParts): Loop {
  const { log, metrics } = resources
  return startLoop({
    name: 'task_heartbeat',
    everyMs: EVERY_MS,
    timeoutMs: TIMEOUT_MS,
    log,
    metrics,
    run: async () => {
      const held = new Map(attempts().map((attempt) => [attempt.delivery, attempt]))
      if (held.size === 0) return
      try {
        const lost = await boss.touch([...held.keys()])
        for (const delivery of lost) held.get(delivery)?.stop('lost')
      } catch (error) {
        // No backoff: the first chance to be heard is the one that keeps the leases.
        metrics.count('task_heartbeats_missed_total')
        log.warn({ err: error, attempts: held.size }, 'the attempts here could not be touched')
      }
    },
  })
}

import { startLoop, type Loop } from '../platform/supervised-loop.ts'
import type { AttemptResources } from './attempt-context.ts'
import type { Boss } from './boss.ts'

/** Between two looks, in milliseconds. */
const EVERY_MS = 1_500

/** Longest for one look, in milliseconds. */
const TIMEOUT_MS = 5_000

/**
 * From the first answer of the database, in milliseconds: while it was away nobody could say that he was
 * alive, and whoever is says so within a second. At the start as well, since it may have been away.
 */
const TRUST_AFTER_MS = 3_000

export interface SuperviseParts {
  readonly boss: Pick<Boss, 'supervise' | 'isReachable'>
  readonly resources: AttemptResources
  /** Between two looks, in milliseconds; 1.5 s by default. */
  readonly everyMs?: number
  /** See `TRUST_AFTER_MS`. */
  readonly trustAfterMs?: number
}

/** Gives what processes that are gone were working on to others. Any number may do it at once. */
export function startSupervision(parts: SuperviseParts): Loop {
  const { boss, resources, everyMs = EVERY_MS, trustAfterMs = TRUST_AFTER_MS } = parts
  const { log, metrics } = resources
  /** Since when the database answers; undefined while it does not, as far as we know. */
  let backAt: number | undefined

  async function isTrusted(): Promise<boolean> {
    if (backAt !== undefined && performance.now() - backAt >= trustAfterMs) return true
    const isBack = await boss.isReachable()
    backAt = isBack ? (backAt ?? performance.now()) : undefined
    return false
  }

  return startLoop({
    name: 'task_supervision',
    everyMs,
    timeoutMs: TIMEOUT_MS,
    log,
    metrics,
    run: async () => {
      try {
        if (!(await isTrusted())) return
        const released = await boss.supervise()
        if (released === 0) return
        metrics.count('task_leases_expired_total', {}, released)
        log.warn({ released }, 'attempts whose process is gone were given to others')
      } catch (error) {
        // No backoff: who waits for a takeover has waited for long enough.
        backAt = undefined
        log.warn({ err: error }, 'nobody could be asked whose process is gone')
      }
    },
  })
}
